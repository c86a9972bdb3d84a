//! A bar a figure, with its floor at 1 and its goal as a line.

use std::fmt::Write;

use super::Figure;

const WIDTH: f64 = 760.0;
const BAR_HEIGHT: f64 = 18.0;
const ROW_HEIGHT: f64 = 30.0;
const LABEL_WIDTH: f64 = 330.0;
const TOP: f64 = 40.0;

/// A longer bar is cut short here; its number still tells.
const MOST_SHOWN: f64 = 3.0;

pub(crate) fn svg(figures: &[Figure]) -> String {
    let figures: Vec<_> = figures.iter().filter(|figure| figure.goal.is_some()).collect();
    let most = figures.iter().map(|figure| figure.ratio().max(figure.goal.unwrap_or(0.0)));
    let scale = (WIDTH - LABEL_WIDTH - 60.0) / most.fold(1.0, f64::max).min(MOST_SHOWN);
    let height = TOP + ROW_HEIGHT * figures.len() as f64 + 10.0;
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' font-family='sans-serif' font-size='13'>\n\
         <rect width='100%' height='100%' fill='white'/>\n\
         <text x='10' y='22' font-size='15'>proglog against the floor (1.0); dark line: goal</text>\n"
    );
    for (row, figure) in figures.iter().enumerate() {
        let y = TOP + ROW_HEIGHT * row as f64;
        let colour = if figure.is_met() == Some(true) { "#3a7d44" } else { "#c0504d" };
        let (ratio, goal) = (figure.ratio(), figure.goal.unwrap_or(0.0));
        let shown = ratio.min(MOST_SHOWN);
        let goal_x = LABEL_WIDTH + goal * scale;
        let _ = writeln!(
            svg,
            "<text x='10' y='{}'>{}, {} B</text><rect x='{LABEL_WIDTH}' y='{y}' width='{:.1}' height='{BAR_HEIGHT}' fill='{colour}'/>\
             <line x1='{goal_x:.1}' x2='{goal_x:.1}' y1='{}' y2='{}' stroke='black' stroke-width='2'/><text x='{:.1}' y='{}'>{ratio:.2}</text>",
            y + 14.0,
            figure.name,
            figure.record_bytes,
            shown * scale,
            y - 3.0,
            y + BAR_HEIGHT + 3.0,
            LABEL_WIDTH + shown.max(goal) * scale + 6.0,
            y + 14.0,
        );
    }
    let floor_x = LABEL_WIDTH + scale;
    let _ = writeln!(
        svg,
        "<line x1='{floor_x:.1}' x2='{floor_x:.1}' y1='{}' y2='{height}' stroke='grey' stroke-dasharray='4'/>\n</svg>",
        TOP - 8.0
    );
    svg
}
