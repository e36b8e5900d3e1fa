//! Puts figures together: medians with their spread, the table, and `results.json`.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::cases::Ratio;
use crate::rounds::{Case, Turn};

/// The middle one of some figures, with the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// The spread of figures; none where there are none.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (min, max) = (*figures.first()?, *figures.last()?);
        let middle = figures.len() / 2;
        let median = match figures.len() % 2 {
            0 => f64::midpoint(figures[middle - 1], figures[middle]),
            _ => figures[middle],
        };
        Some(Self { median, min, max })
    }

    fn json(self) -> Value {
        // Six digits are more than any of this is worth.
        let round = |figure: f64| (figure * 1e6).round() / 1e6;
        json!({ "median": round(self.median), "min": round(self.min), "max": round(self.max) })
    }
}

/// A named figure with what design asks of it.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) spread: Spread,
    pub(crate) wanted: Wanted,
    /// The same ratio by the server's processor time a request, which a busy machine disturbs less.
    pub(crate) by_cpu: Option<Spread>,
}

/// What a figure is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
    /// Nothing was asked for.
    Anything,
}

impl Wanted {
    fn text(self, figure: f64) -> String {
        let (sign, limit, is_met) = match self {
            Self::AtLeast(limit) => (">=", limit, figure >= limit),
            Self::AtMost(limit) => ("<=", limit, figure <= limit),
            Self::Anything => return String::new(),
        };
        format!("{sign} {limit}: {}", if is_met { "met" } else { "missed" })
    }
}

/// Everything that a run has found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) cases: Vec<Case>,
    /// What stands under `ratios`.
    pub(crate) figures: Vec<Figure>,
    /// What could not be measured, and why.
    pub(crate) missing: Vec<(String, String)>,
    /// What else is to be said, by name.
    pub(crate) notes: Map<String, Value>,
}

impl Report {
    /// Takes the cases of a group, and works out its ratios round by round.
    pub(crate) fn add(&mut self, cases: Vec<Case>, ratios: &[Ratio]) {
        let turns = |name: &str| {
            cases.iter().find(|case| case.name == name).and_then(|case| case.turns.as_ref().ok())
        };
        for ratio in ratios {
            let (Some(of), Some(over)) = (turns(ratio.of), turns(ratio.over)) else {
                let text = format!("`{}` or `{}` has no figures", ratio.of, ratio.over);
                self.missing.push((ratio.name.into(), text));
                continue;
            };
            let pairs = || of.iter().zip(over);
            let spread = Spread::of(pairs().map(|(of, over)| of.outcome.rate / over.outcome.rate));
            let by_cpu = Spread::of(pairs().map(|(of, over)| over.cpu_micros / of.cpu_micros));
            let Some(spread) = spread else { continue };
            let wanted =
                if ratio.least > 0.0 { Wanted::AtLeast(ratio.least) } else { Wanted::Anything };
            self.figures.push(Figure { name: ratio.name.into(), spread, wanted, by_cpu });
        }
        self.missing.extend(
            cases.iter().filter_map(|case| {
                Some((case.name.to_owned(), case.turns.as_ref().err()?.clone()))
            }),
        );
        self.cases.extend(cases);
    }

    /// Adds a figure that is none of a closed loop.
    pub(crate) fn figure(&mut self, name: &str, figures: &[f64], wanted: Wanted) {
        match Spread::of(figures.iter().copied()) {
            Some(spread) => {
                self.figures.push(Figure { name: name.into(), spread, wanted, by_cpu: None });
            }
            None => self.missing.push((name.into(), "no figures".into())),
        }
    }

    /// Writes `results.json`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let ratios: Map<String, Value> =
            self.figures.iter().map(|figure| (figure.name.clone(), figure.spread.json())).collect();
        let by_cpu: Map<String, Value> = self
            .figures
            .iter()
            .filter_map(|figure| Some((figure.name.clone(), figure.by_cpu?.json())))
            .collect();
        let missing: Vec<Value> =
            self.missing.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect();
        let document = json!({
            "ratios": ratios,
            "ratios_by_cpu": by_cpu,
            "cases": self.cases.iter().map(case_json).collect::<Vec<_>>(),
            "missing": missing,
            "notes": self.notes,
        });
        let text = format!("{document:#}\n");
        std::fs::write(file, text).with_context(|| format!("cannot write `{}`", file.display()))
    }

    /// The tables, for people.
    pub(crate) fn table(&self) -> String {
        let mut rows = vec![TITLES.map(str::to_owned).to_vec()];
        rows.extend(self.cases.iter().filter_map(case_row));
        let mut text = columns(&rows);
        let mut rows = vec![RATIO_TITLES.map(str::to_owned).to_vec()];
        rows.extend(self.figures.iter().map(figure_row));
        text.push_str(&format!("\n{}", columns(&rows)));
        for (name, why) in &self.missing {
            let why = why.lines().next().unwrap_or_default();
            text.push_str(&format!("\nnot measured: {name}: {why}"));
        }
        text
    }
}

const TITLES: [&str; 9] = [
    "case",
    "req/s",
    "spread",
    "p50 µs",
    "p99 µs",
    "p999 µs",
    "cpu µs/req",
    "peak MiB",
    "generator",
];

const RATIO_TITLES: [&str; 5] = ["ratio", "median", "spread", "by cpu", "design"];

/// From here on the generator may be what holds a case up.
const GENERATOR_BUSY: f64 = 0.95;

fn spread(turns: &[Turn], figure: impl Fn(&Turn) -> f64) -> Option<Spread> {
    Spread::of(turns.iter().map(figure))
}

fn case_json(case: &Case) -> Value {
    let turns = match &case.turns {
        Ok(turns) => turns,
        Err(why) => return json!({ "group": case.group, "name": case.name, "missing": why }),
    };
    let figure = |figure: fn(&Turn) -> f64| spread(turns, figure).map(Spread::json);
    let generator = spread(turns, |turn| turn.outcome.generator);
    json!({
        "group": case.group,
        "name": case.name,
        "rounds": turns.len(),
        "requests": turns.iter().map(|turn| turn.outcome.requests).sum::<u64>(),
        "requests_per_second": figure(|turn| turn.outcome.rate),
        "p50_us": figure(|turn| turn.outcome.p50),
        "p99_us": figure(|turn| turn.outcome.p99),
        "p999_us": figure(|turn| turn.outcome.p999),
        "cpu_us_per_request": figure(|turn| turn.cpu_micros),
        "server_cores": figure(|turn| turn.server_cores),
        "generator_cores": figure(|turn| turn.outcome.generator),
        "generator_bound": generator.is_some_and(|used| used.median > GENERATOR_BUSY),
        "peak_kib": case.peak_kib,
    })
}

fn case_row(case: &Case) -> Option<Vec<String>> {
    let turns = case.turns.as_ref().ok()?;
    let median = |figure: fn(&Turn) -> f64| spread(turns, figure).map_or(0.0, |found| found.median);
    let rate = spread(turns, |turn| turn.outcome.rate)?;
    let generator = median(|turn| turn.outcome.generator);
    let busy = if generator > GENERATOR_BUSY { " (the limit)" } else { "" };
    Some(vec![
        case.name.into(),
        format!("{:.0}", rate.median),
        format!("{:.0}..{:.0}", rate.min, rate.max),
        format!("{:.0}", median(|turn| turn.outcome.p50)),
        format!("{:.0}", median(|turn| turn.outcome.p99)),
        format!("{:.0}", median(|turn| turn.outcome.p999)),
        format!("{:.2}", median(|turn| turn.cpu_micros)),
        format!("{:.1}", case.peak_kib as f64 / 1024.0),
        format!("{:.0} %{busy}", generator * 100.0),
    ])
}

fn figure_row(figure: &Figure) -> Vec<String> {
    let Spread { median, min, max } = figure.spread;
    vec![
        figure.name.clone(),
        format!("{median:.2}"),
        format!("{min:.2}..{max:.2}"),
        figure.by_cpu.map(|found| format!("{:.2}", found.median)).unwrap_or_default(),
        figure.wanted.text(median),
    ]
}

/// Rows with their columns below each other.
fn columns(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column).unwrap_or_default();
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Prints a line. A reader that went away is no error.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_middle_and_the_ends() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
    }

    #[test]
    fn a_figure_meets_what_is_wanted_at_the_limit() {
        assert_eq!(Wanted::AtLeast(0.9).text(0.9), ">= 0.9: met");
        assert_eq!(Wanted::AtMost(2.0).text(2.1), "<= 2: missed");
        assert_eq!(Wanted::Anything.text(1.0), "");
    }

    #[test]
    fn a_ratio_without_figures_is_missing_and_says_why() {
        let mut report = Report::default();
        let case = |name, turns| Case { group: "g", name, turns, peak_kib: 0 };
        let cases = vec![case("a", Ok(Vec::new())), case("b", Err("not installed".into()))];
        report.add(cases, &[Ratio { name: "a_vs_b", of: "a", over: "b", least: 1.0 }]);
        let names: Vec<&str> = report.missing.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a_vs_b", "b"]);
        assert!(report.table().contains("not measured: b: not installed"));
    }
}
