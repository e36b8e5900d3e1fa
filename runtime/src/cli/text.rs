//! Makes text for terminals: columns, counts, and nothing that a terminal would obey.

use std::fmt::Write as _;

use serde_json::Value;

/// The text as it may be shown. Names and messages come from components that nobody trusts: control
/// characters other than line breaks and tabs are made visible.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            character if character.is_control() => shown.extend(character.escape_default()),
            character => shown.push(character),
        }
    }
    shown
}

/// A document as text. JSON need not escape all that terminals obey, so that is done here.
pub(super) fn json(document: &Value) -> String {
    let mut shown = String::new();
    for character in format!("{document:#}").chars() {
        if character.is_control() && character != '\n' {
            let _ = write!(shown, "\\u{:04x}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Rows with their cells below each other. The last cell of a row may be of any length.
pub(super) fn columns(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        // What a row ends with makes no column wider.
        for (column, cell) in row.iter().enumerate().take(row.len().saturating_sub(1)) {
            let width = cell.chars().count();
            match widths.get_mut(column) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths.get(column).copied().unwrap_or_default();
            let _ = write!(line, "{cell:width$}  ");
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The text, two blanks further to the right.
pub(super) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// `1 hook`, `2 hooks`.
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn cells_stand_below_each_other_and_lines_end_without_blanks() {
        let text = columns(&rows(&[&["before", "/*", "hook"], &["app", "GET /é", ""], &["after"]]));
        assert_eq!(text, "before  /*      hook\napp     GET /é\nafter");
    }

    #[test]
    fn a_long_last_cell_widens_nothing() {
        let text = columns(&rows(&[&["a", "a very long one"], &["b", "c", "d"]]));
        assert_eq!(text, "a  a very long one\nb  c  d");
    }

    #[test]
    fn no_rows_are_no_text() {
        assert_eq!(columns(&[]), "");
        assert_eq!(indented(""), "");
    }

    #[test]
    fn terminals_are_told_nothing() {
        assert_eq!(printable("a\u{1b}[2J\u{9b}1m\r\n\tb"), "a\\u{1b}[2J\\u{9b}1m\\r\n\tb");
        let document = serde_json::json!({ "a": "\u{1b}\u{9b}\u{7f}\n" });
        let shown = json(&document);
        assert_eq!(shown, "{\n  \"a\": \"\\u001b\\u009b\\u007f\\n\"\n}");
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), document);
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(1, "problem"), "1 problem");
        assert_eq!(count(0, "problem"), "0 problems");
    }
}
