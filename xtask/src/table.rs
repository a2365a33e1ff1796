//! Tables in Markdown, which read well in a terminal too.

/// Lines of cells, the heading first, as a table whose first column stands left and whose others stand right.
pub fn aligned(lines: &[Vec<String>]) -> String {
    let width = |column: usize| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let row = |cells: &[String]| {
        let cells = cells.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, &width))| match column {
            0 => format!(" {cell:<width$} |"),
            _ => format!(" {cell:>width$} |"),
        });
        format!("|{}\n", cells.collect::<String>())
    };
    let rule = |(column, width): (usize, &usize)| match column {
        0 => "-".repeat(*width),
        _ => "-".repeat(width - 1) + ":",
    };
    let rules: Vec<String> = widths.iter().enumerate().map(rule).collect();
    row(&lines[0]) + &row(&rules) + &lines[1..].iter().map(|line| row(line)).collect::<String>()
}
