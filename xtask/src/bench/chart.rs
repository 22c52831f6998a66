//! How the first export grows, as a picture.
use super::report::Report;
use std::fmt::Write;

const KINDS: [&str; 3] = ["files", "bytes", "layers"];
const TIMES: [u32; 3] = [1, 2, 4];
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 200.0;
const MARGIN: f64 = 50.0;

/// Wall seconds over one, two and four times the work, on logarithmic axes: a straight line at half a right angle is
/// growth in proportion. Our line is solid, a peer's dashed.
pub(super) fn growth(report: &Report) -> String {
    let lines = KINDS.map(|kind| {
        let points = TIMES.map(|times| report.wall("growth", &format!("{kind}-{times}")));
        let ours = points.map(|point| point.map(|(ours, _)| ours));
        let other = points.map(|point| point.and_then(|(_, other)| other));
        (kind, [ours, other])
    });
    let values = lines
        .iter()
        .flat_map(|(_, lines)| lines.iter().flatten().flatten());
    let (least, most) = values.fold((f64::MAX, f64::MIN), |(least, most), value| {
        (least.min(*value), most.max(*value))
    });
    let scale = Scale {
        least: least / 1.3,
        most: most * 1.3,
    };
    let width = MARGIN + 3.0 * (WIDTH + MARGIN);
    let height = HEIGHT + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let mut left = MARGIN;
    for (kind, lines) in &lines {
        panel(&mut svg, left, kind, (lines, &scale));
        left += WIDTH + MARGIN;
    }
    svg.push_str("</svg>\n");
    svg
}

/// The axis of seconds.
struct Scale {
    least: f64,
    most: f64,
}

impl Scale {
    fn height(&self, seconds: f64) -> f64 {
        let part = (seconds / self.least).ln() / (self.most / self.least).ln();
        MARGIN + HEIGHT * (1.0 - part)
    }
}

type Line = [Option<f64>; TIMES.len()];

fn panel(svg: &mut String, left: f64, kind: &str, (lines, scale): (&[Line; 2], &Scale)) {
    // Writing to a string does not fail.
    let _ = writeln!(
        svg,
        "<rect x=\"{left}\" y=\"{MARGIN}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"gray\"/>\n\
         <text x=\"{left}\" y=\"{}\">{kind}: seconds by amount</text>",
        MARGIN - 10.0
    );
    let across = |index: usize| left + 20.0 + (WIDTH - 40.0) * [0.0, 0.5, 1.0][index];
    for (index, times) in TIMES.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{times}x</text>",
            across(index),
            MARGIN + HEIGHT + 18.0
        );
    }
    for (line, dash) in lines.iter().zip(["", " stroke-dasharray=\"6 4\""]) {
        let mut points = String::new();
        for (index, seconds) in line.iter().enumerate() {
            let Some(seconds) = seconds else { continue };
            let (x, y) = (across(index), scale.height(*seconds));
            let _ = write!(points, "{x:.1},{y:.1} ");
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{seconds:.2}</text>",
                y - 6.0
            );
        }
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"black\"{dash}/>",
            points.trim_end()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        report::{Row, Unit},
        stats::Samples,
    };
    use super::*;

    #[test]
    fn every_measured_point_is_in_the_picture() {
        let mut report = Report::default();
        for (times, seconds) in [(1, 0.5), (2, 1.0), (4, 2.0)] {
            report.add(Row {
                scenario: "growth".into(),
                corpus: format!("files-{times}"),
                figure: "exporter wall".into(),
                unit: Unit::Seconds,
                value: Samples::one(seconds),
                reference: Some(Samples::one(seconds * 8.0)),
                bar: None,
            });
        }
        let svg = growth(&report);
        for seconds in ["0.50", "1.00", "2.00", "4.00", "8.00", "16.00"] {
            assert!(svg.contains(&format!(">{seconds}</text>")), "{svg}");
        }
        assert_eq!(svg.matches("<polyline").count(), 6);
    }
}
