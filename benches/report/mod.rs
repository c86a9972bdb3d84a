//! The table of a benchmark, for people and for programs.

mod options;
mod plot;

pub(crate) use options::run;

/// One row: what was measured, run by run.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) record_bytes: usize,
    pub(crate) unit: &'static str,
    pub(crate) goal: Option<f64>,
    pub(crate) floor: Vec<f64>,
    pub(crate) ours: Vec<f64>,
}

impl Figure {
    pub(crate) fn new(
        name: &'static str,
        record_bytes: usize,
        unit: &'static str,
        goal: Option<f64>,
    ) -> Self {
        Figure { name, record_bytes, unit, goal, floor: Vec::new(), ours: Vec::new() }
    }

    pub(crate) fn ratio(&self) -> f64 {
        median(&self.ours) / median(&self.floor)
    }

    pub(crate) fn is_met(&self) -> Option<bool> {
        self.goal.map(|goal| self.ratio() >= goal)
    }

    pub(crate) fn row(&self) -> String {
        let verdict = match self.is_met() {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "",
        };
        format!(
            "{:34} {:>6} {:>13} {:>13} {:>7.2} {:>6} {verdict}",
            self.name,
            self.record_bytes,
            human(median(&self.floor), self.unit),
            human(median(&self.ours), self.unit),
            self.ratio(),
            self.goal.map_or_else(|| "-".to_owned(), |goal| format!("{goal:.2}")),
        )
    }

    fn document(&self) -> serde_json::Value {
        serde_json::json!({
            "work": self.name, "record_bytes": self.record_bytes, "unit": self.unit,
            "floor": self.floor, "ours": self.ours, "ratio": self.ratio(), "goal": self.goal,
            "met": self.is_met(),
        })
    }
}

pub(crate) fn head() -> String {
    format!(
        "{:34} {:>6} {:>13} {:>13} {:>7} {:>6}",
        "work", "bytes", "floor", "proglog", "ratio", "goal"
    )
}

pub(crate) fn json(figures: &[Figure]) -> String {
    let documents: Vec<_> = figures.iter().map(Figure::document).collect();
    serde_json::to_string_pretty(&documents).expect("JSON")
}

pub(crate) fn sum(figures: &[Figure]) -> String {
    let n_goals = figures.iter().filter(|figure| figure.goal.is_some()).count();
    let n_met = figures.iter().filter(|figure| figure.is_met() == Some(true)).count();
    format!("{n_met} of {n_goals} goals met")
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) && middle > 0 {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    } else {
        sorted.get(middle).copied().unwrap_or(f64::NAN)
    }
}

fn human(number: f64, unit: &str) -> String {
    let (scaled, prefix) = match number {
        n if n >= 1e9 => (n / 1e9, "G"),
        n if n >= 1e6 => (n / 1e6, "M"),
        n if n >= 1e3 => (n / 1e3, "k"),
        n => (n, ""),
    };
    format!("{scaled:.2} {prefix}{unit}")
}
