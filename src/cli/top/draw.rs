//! The screen as a function of what is known: rows from the top down, as many as there is room for.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{LineGauge, Sparkline};

use super::latency::Quantiles;
use super::rates::{Flow, Rates};
use super::sample::{Disk, Sample, ServerFigures};
use super::source::Place;
use super::text;
use super::view::View;
use crate::cli::output::{binary_bytes, counted, grouped};
use crate::text::time::display_time;

/// How wide the names at the left are.
const NAME_WIDTH: u16 = 12;

/// The highest a history is drawn.
const MAX_HISTORY_ROWS: u16 = 6;

/// Columns that a disk's gauge takes.
const GAUGE_WIDTH: u16 = 20;

/// Styles, with or without colors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    has_colors: bool,
}

impl Palette {
    /// `NO_COLOR`, if it says anything, turns colors off.
    pub(super) fn of_environment() -> Palette {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Palette { has_colors: !no_color }
    }

    fn colored(self, color: Color) -> Style {
        if self.has_colors { Style::new().fg(color) } else { Style::new() }
    }

    fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn name(self) -> Style {
        self.colored(Color::Cyan)
    }

    fn good(self) -> Style {
        self.colored(Color::Green).add_modifier(Modifier::BOLD)
    }

    fn bad(self) -> Style {
        self.colored(Color::Red).add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }
}

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View, palette: Palette) {
    let mut screen = Screen { rest: frame.area(), frame, palette };
    screen.head(view);
    screen.health(view);
    let Some(sample) = &view.sample else { return };
    // What was true a while ago isn't shown as if it were.
    let rates = view.rates.as_ref();
    screen.blank();
    screen.log(sample);
    screen.disk(sample.disk.as_ref());
    screen.connections(sample.server.as_ref());
    screen.latencies(rates, sample.server.is_some());
    screen.flows(view, rates, sample.server.is_some());
}

/// What is drawn on, and what of it is still free.
struct Screen<'a, 'b> {
    frame: &'a mut Frame<'b>,
    rest: Rect,
    palette: Palette,
}

impl Screen<'_, '_> {
    /// The next rows, if there is room for them.
    fn take(&mut self, height: u16) -> Option<Rect> {
        if height == 0 || self.rest.height < height {
            return None;
        }
        let taken = Rect { height, ..self.rest };
        self.rest.y += height;
        self.rest.height -= height;
        Some(taken)
    }

    fn line(&mut self, line: Line<'_>) {
        if let Some(area) = self.take(1) {
            self.frame.render_widget(line, area);
        }
    }

    fn blank(&mut self) {
        self.line(Line::default());
    }

    /// A name, and what there is to say.
    fn row(&mut self, name: &str, value: String) {
        let name = Span::styled(padded(name), self.palette.name());
        self.line(Line::from(vec![name, Span::raw(value)]));
    }

    fn head(&mut self, view: &View) {
        let title = Span::styled("proglog top", self.palette.title());
        let time = display_time(view.at_us);
        let time = time.split('T').nth(1).and_then(|time| time.split('.').next()).unwrap_or("");
        let place = Span::raw(format!("  {}", view.place));
        let how = Span::raw(format!("  every {:?}, {time} UTC, q ends", view.interval));
        self.line(Line::from(vec![title, place, how]));
    }

    fn health(&mut self, view: &View) {
        let (word, detail, is_good) = match (&view.trouble, &view.sample) {
            (Some(failure), _) => ("UNKNOWN", Some(failure.message.clone()), false),
            (None, Some(Sample { health, .. })) => {
                (spoken(health.word), health.detail.clone(), health.is_good)
            }
            (None, None) => ("UNKNOWN", None, false),
        };
        let style = if is_good { self.palette.good() } else { self.palette.bad() };
        let detail = detail.map_or_else(String::new, |detail| format!("  {detail}"));
        self.line(Line::from(vec![Span::styled(word.to_owned(), style), Span::raw(detail)]));
    }

    fn log(&mut self, sample: &Sample) {
        let committed = sample.committed.map(|offset| format!(", committed {}", grouped(offset)));
        let (lowest, next) = (grouped(sample.lowest), grouped(sample.next));
        let committed = committed.unwrap_or_default();
        self.row("offsets", format!("lowest {lowest}, next {next}{committed}"));
        let segments = counted(sample.n_segments, "segment");
        self.row("log", format!("{segments}, {}", binary_bytes(sample.bytes)));
    }

    fn disk(&mut self, disk: Option<&Disk>) {
        let Some(disk) = disk else { return };
        let high = disk.high_ratio;
        let mark = high.map(|high| format!("; appends stop at {}", text::percent(high)));
        let is_over = high.is_some_and(|high| disk.used_ratio >= high);
        let said = format!(
            " {} used, {} free{}",
            text::percent(disk.used_ratio),
            binary_bytes(disk.free_bytes),
            mark.unwrap_or_default()
        );
        let Some(area) = self.take(1) else { return };
        let style = if is_over { self.palette.bad() } else { Style::new() };
        let name = Span::styled(padded("disk"), self.palette.name());
        let ([name_area, behind], width) = (split(area, NAME_WIDTH), GAUGE_WIDTH);
        let [gauge_area, text_area] = split(behind, width);
        let gauge = LineGauge::default()
            .label("")
            .ratio(disk.used_ratio.clamp(0.0, 1.0))
            .filled_symbol("█")
            .unfilled_symbol("░")
            .filled_style(style);
        self.frame.render_widget(Line::from(name), name_area);
        self.frame.render_widget(gauge, gauge_area);
        self.frame.render_widget(Line::from(said), text_area);
    }

    fn connections(&mut self, server: Option<&ServerFigures>) {
        let Some(server) = server else { return };
        let (http, grpc) = (server.http_connections, server.grpc_connections);
        self.row("connections", format!("HTTP {}, gRPC {}", grouped(http), grouped(grpc)));
    }

    fn latencies(&mut self, rates: Option<&Rates>, is_told: bool) {
        if !is_told {
            return;
        }
        self.blank();
        let latency = |of: fn(&Rates) -> Option<Quantiles>| rates.and_then(of);
        self.row("latency", format!("{:>10}  {:>10}", "p50", "p99"));
        self.quantiles("  append", latency(|rates| rates.append_latency));
        self.quantiles("  fsync", latency(|rates| rates.fsync_latency));
        self.quantiles("  read", latency(|rates| rates.read_latency));
    }

    fn quantiles(&mut self, name: &str, quantiles: Option<Quantiles>) {
        let p50 = text::seconds(quantiles.map(|quantiles| quantiles.p50_s));
        let p99 = text::seconds(quantiles.map(|quantiles| quantiles.p99_s));
        self.row(name, format!("{p50:>10}  {p99:>10}"));
    }

    /// The rates, and how they were, in what room there is left.
    fn flows(&mut self, view: &View, rates: Option<&Rates>, has_reads: bool) {
        self.blank();
        let n_flows = if has_reads { 2 } else { 1 };
        let n_rows = (self.rest.height / n_flows).saturating_sub(1).min(MAX_HISTORY_ROWS);
        self.flow("appends", rates.map(|rates| rates.appends));
        self.history(&view.appends, n_rows);
        if has_reads {
            self.flow("reads", rates.and_then(|rates| rates.reads));
            self.history(&view.reads, n_rows);
        } else if matches!(view.place, Place::Grpc(_)) {
            self.row("", "reads, latencies and disk are told over HTTP: --http".to_owned());
        }
    }

    fn flow(&mut self, name: &str, flow: Option<Flow>) {
        let records = text::rate(flow.map(|flow| flow.records_per_s));
        let bytes = flow.and_then(|flow| flow.bytes_per_s);
        let bytes =
            bytes.map_or_else(String::new, |bytes| format!(", {}/s", text::bytes(Some(bytes))));
        self.row(name, format!("{records} records/s{bytes}"));
    }

    fn history(&mut self, history: &VecDeque<u64>, n_rows: u16) {
        let Some(area) = self.take(n_rows) else { return };
        let n_shown = history.len().min(usize::from(area.width));
        let shown = history.iter().skip(history.len() - n_shown).copied();
        let sparkline = Sparkline::default().data(shown).style(self.palette.colored(Color::Blue));
        self.frame.render_widget(sparkline, area);
    }
}

fn padded(name: &str) -> String {
    format!("{name:width$}", width = usize::from(NAME_WIDTH))
}

/// The first columns, and those behind them.
fn split(area: Rect, width: u16) -> [Rect; 2] {
    let width = width.min(area.width);
    let behind = Rect { x: area.x + width, width: area.width - width, ..area };
    [Rect { width, ..area }, behind]
}

/// A state for people.
fn spoken(word: &'static str) -> &'static str {
    match word {
        "read_only" => "READ-ONLY",
        "damaged" => "DAMAGED",
        "needs_recovery" => "needs recovery",
        word => word,
    }
}

#[cfg(test)]
mod tests;
