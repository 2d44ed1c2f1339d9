//! Plain tables: a heading, columns aligned, no lines.

use comfy_table::{ContentArrangement, Table, presets};

use super::Paint;

/// A table of `rows` under `heading`, ending with a newline.
pub(crate) fn render(heading: &[&str], rows: Vec<Vec<String>>, paint: Paint) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(heading);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let text = table.to_string();
    let mut lines = text.lines().map(str::trim_end);
    let head = lines.next().map(|line| paint.dim(line)).unwrap_or_default();
    let mut painted = format!("{head}\n");
    for line in lines {
        painted.push_str(line);
        painted.push('\n');
    }
    painted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![vec!["a".to_owned(), "b".to_owned()], vec!["long".to_owned(), "c".to_owned()]];
        assert_eq!(render(&["X", "Y"], rows, Paint(false)), "X     Y\na     b\nlong  c\n");
    }
}
