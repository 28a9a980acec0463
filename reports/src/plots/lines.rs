//! Turning buckets and readings into lines, and choosing which of many lines to show.

/// The most lines of one plot that stay readable.
pub(super) const MOST_LINES: usize = 7;

/// Points at the middle of each bucket; `middle` gives its time.
pub(super) fn points(values: &[f64], middle: impl Fn(usize) -> f64) -> Vec<(f64, f64)> {
    let values = values.iter().enumerate();
    values
        .map(|(index, &value)| (middle(index), value))
        .collect()
}

/// The highest of several rows of values; 0 if there are none.
pub(super) fn peak<'a>(rows: impl IntoIterator<Item = &'a [f64]>) -> f64 {
    let values = rows.into_iter().flatten();
    values.fold(0.0, |peak, &value| peak.max(value))
}

/// The positions of the rows with the greatest weight, in their given order, at most
/// [`MOST_LINES`]; ties go to the earlier row.
pub(super) fn busiest(weights: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]).then(a.cmp(&b)));
    order.truncate(MOST_LINES);
    order.sort_unstable();
    order
}

/// What a caption says of the rows that are not shown.
pub(super) fn left_out(all: usize, shown: usize, what: &str) -> String {
    match all - shown {
        0 => String::new(),
        more => format!(" The {shown} busiest are shown; {more} more {what} are in the CSV file."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_keep_their_order() {
        let weights = [1.0, 9.0, 2.0, 8.0, 3.0, 7.0, 4.0, 6.0, 5.0];
        assert_eq!(busiest(&weights), [1, 3, 4, 5, 6, 7, 8]);
        assert_eq!(busiest(&[0.0, 0.0]), [0, 1]);
    }
}
