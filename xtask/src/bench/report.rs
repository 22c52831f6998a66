//! Rows, as a table for people and as JSON for programs.
use super::{bars::Bar, stats::Samples};
use serde_json::{Value, json};
use std::fmt;

/// One figure of one scenario.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) scenario: String,
    pub(super) corpus: String,
    pub(super) figure: String,
    pub(super) unit: Unit,
    pub(super) value: Samples,
    /// What the value is compared with: a limit, or the same figure of the peer.
    pub(super) reference: Option<Samples>,
    pub(super) bar: Option<Bar>,
}

/// Units of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Bytes,
    Count,
    Exponent,
}

/// All rows so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<Row>,
}

impl Row {
    /// Value over reference.
    fn ratio(&self) -> Option<f64> {
        let reference = self.reference.as_ref()?.median();
        (reference > 0.0).then(|| self.value.median() / reference)
    }

    fn holds(&self) -> Option<bool> {
        match self.bar? {
            Bar::Value(most) => Some(self.value.median() <= most),
            // Without a reference there is nothing to be judged by.
            Bar::Ratio(most) => self.ratio().map(|ratio| ratio <= most),
        }
    }

    fn json(&self) -> Value {
        json!({
            "scenario": self.scenario,
            "corpus": self.corpus,
            "figure": self.figure,
            "value": self.value.median(),
            "unit": self.unit.name(),
            "reference": self.reference.as_ref().map(Samples::median),
            "ratio": self.ratio(),
            "bar": self.bar.map(|bar| bar.text(self.unit)),
            "holds": self.holds(),
            "spread": [self.value.min(), self.value.max()],
        })
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Bytes => "B",
            Self::Count => "1",
            Self::Exponent => "exponent",
        }
    }

    /// A value as people read it.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Seconds if value < 0.02 => format!("{:.2} ms", value * 1e3),
            Self::Seconds if value < 1.0 => format!("{:.0} ms", value * 1e3),
            Self::Seconds => format!("{value:.2} s"),
            Self::Bytes if value < 1e5 => format!("{value:.0} B"),
            Self::Bytes => format!("{:.1} MiB", value / f64::from(1 << 20)),
            Self::Count => format!("{value:.0}"),
            Self::Exponent => format!("{value:.2}"),
        }
    }
}

impl Report {
    /// Adds a row, and prints it at once for those who wait.
    pub(super) fn add(&mut self, row: Row) {
        println!("{row}");
        self.rows.push(row);
    }

    /// Wall seconds of an exporter, ours and the peer's.
    pub(super) fn wall(&self, scenario: &str, corpus: &str) -> Option<(f64, Option<f64>)> {
        let row = self.rows.iter().find(|row| {
            row.scenario == scenario && row.corpus == corpus && row.figure == "exporter wall"
        })?;
        let peer = row.reference.as_ref().map(Samples::median);
        Some((row.value.median(), peer))
    }

    /// How many bars do not hold.
    pub(super) fn broken(&self) -> usize {
        self.rows
            .iter()
            .filter(|row| row.holds() == Some(false))
            .count()
    }

    /// The rows as a JSON array.
    pub(super) fn json(&self) -> String {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        format!("{:#}\n", Value::Array(rows))
    }
}

const HEAD: [&str; 9] = [
    "scenario",
    "corpus",
    "figure",
    "median",
    "spread",
    "reference",
    "ratio",
    "bar",
    "holds",
];

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value| self.unit.show(value);
        let spread = format!("{}..{}", show(self.value.min()), show(self.value.max()));
        let cells = [
            self.scenario.clone(),
            self.corpus.clone(),
            self.figure.clone(),
            show(self.value.median()),
            spread,
            self.reference
                .as_ref()
                .map(|value| show(value.median()))
                .unwrap_or_default(),
            self.ratio()
                .map(|ratio| format!("{ratio:.3}"))
                .unwrap_or_default(),
            self.bar.map(|bar| bar.text(self.unit)).unwrap_or_default(),
            match self.holds() {
                Some(true) => "yes".into(),
                Some(false) => "NO".into(),
                None => String::new(),
            },
        ];
        line(f, &cells.each_ref().map(String::as_str))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        line(f, &HEAD)?;
        writeln!(f)?;
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        let judged = self.rows.iter().filter(|row| row.holds().is_some()).count();
        write!(f, "{} of {judged} bars hold", judged - self.broken())
    }
}

fn line(f: &mut fmt::Formatter<'_>, cells: &[&str; 9]) -> fmt::Result {
    let [
        scenario,
        corpus,
        figure,
        median,
        spread,
        reference,
        ratio,
        bar,
        holds,
    ] = cells;
    write!(
        f,
        "{scenario:14} {corpus:8} {figure:32} {median:>10} {spread:>22} {reference:>10} {ratio:>7} {bar:>13} {holds}"
    )
}
