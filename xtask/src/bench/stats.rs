//! Medians, spreads and exponents.

/// Values of one figure in repeated runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples(pub(super) Vec<f64>);

impl Samples {
    /// One value.
    pub(super) fn one(value: f64) -> Self {
        Self(vec![value])
    }

    /// The median; of an even number the lower one; zero of nothing.
    pub(super) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
            .get(sorted.len().saturating_sub(1) / 2)
            .copied()
            .unwrap_or_default()
    }

    /// The least.
    pub(super) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The greatest.
    pub(super) fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// The exponent `e` with `y ~ x^e` that fits the points best.
pub(super) fn exponent(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points
        .iter()
        .map(|(x, y)| (x.ln(), y.max(1e-9).ln()))
        .collect();
    let count = logs.len().max(1);
    #[expect(clippy::cast_precision_loss, reason = "a handful of points")]
    let mean = |pick: fn(&(f64, f64)) -> f64| logs.iter().map(pick).sum::<f64>() / count as f64;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let along: f64 = logs.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let across: f64 = logs.iter().map(|point| (point.0 - x).powi(2)).sum();
    along / across
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_the_lower_of_the_two() {
        assert_eq!(Samples(vec![4.0, 1.0, 3.0, 2.0]).median().to_string(), "2");
    }

    #[test]
    fn a_square_grows_with_exponent_two() {
        let points = [(1.0, 3.0), (2.0, 12.0), (4.0, 48.0)];
        assert_eq!(format!("{:.6}", exponent(&points)), "2.000000");
    }
}
