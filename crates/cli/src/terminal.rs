//! The only place that prints.

use std::fmt::Display;
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

use anyhow::Result;

/// Prints a line of what was asked for to standard output.
pub(crate) fn print(line: impl Display) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Copies bytes to standard output.
pub(crate) fn copy(mut from: impl Read) -> io::Result<()> {
    let mut out = io::stdout().lock();
    io::copy(&mut from, &mut out)?;
    out.flush()
}

/// Tells people something that is neither asked for nor an error.
///
/// Written at once: who reads along sees whole lines, and so do those who read what a killed process had said.
pub(crate) fn note(line: impl Display) {
    // If nobody can hear it, the work goes on.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Tells people what went wrong.
pub(crate) fn complain(error: impl Display) {
    note(format_args!("amplio: {error}"));
}

/// Prints what clap says: help, the version, or what was wrong with the arguments.
pub(crate) fn clap(message: &clap::Error) -> ExitCode {
    match message.print() {
        Ok(()) => u8::try_from(message.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(_) => ExitCode::FAILURE,
    }
}

/// Whether standard output is a terminal, which is no place for a picture.
pub(crate) fn output_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether someone watches standard error.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Lays a table out: columns as wide as their widest cell, two spaces between them. Cells of numbers (which begin with a
/// digit and have no hyphen in every row but the first) are aligned at the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| {
        rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let numeric = |c: usize| {
        let mut cells = rows.iter().skip(1).filter_map(|row| row.get(c)).peekable();
        let is_number =
            |cell: &String| cell.starts_with(|first: char| first.is_ascii_digit()) && !cell.contains('-');
        cells.peek().is_some() && cells.all(is_number)
    };
    let shape: Vec<_> = (0..columns).map(|c| (width(c), numeric(c))).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&shape).map(|(cell, &(width, right))| match right {
            true => format!("{cell:>width$}"),
            false => format!("{cell:width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Lays facts out: a name and a value in each line.
pub(crate) fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines = facts.iter().map(|(name, value)| format!("  {name:width$}  {value}").trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["name", "ms", "op"]), row(["a", "12.5", "conv"]), row(["longer", "1.25", "copy"])];
        assert_eq!(table(&rows), "name      ms  op\na       12.5  conv\nlonger  1.25  copy");
        let rows = [row(["name", "", ""]), row(["4x-a", "", ""]), row(["4x-longer", "", ""])];
        assert_eq!(table(&rows), "name\n4x-a\n4x-longer");
    }
}
