//! What the page draws, as a figure for a text of one's own: SVG that can be read on a light and on a dark page (chapters 2.7 and 3.9).

use super::{look::rows, model_thread::Loaded};
use anyhow::{Context, Result, ensure};
use model::trace::{Trace, trace};

/// More tokens make letters too small.
const MOST_TOKENS: usize = 24;
const ROW: usize = 30;
/// Where the first row begins.
const TOP: usize = 34;
/// The width of the tokens' own column.
const LEFT: usize = 100;
/// Colors as on the page.
const STYLE: &str = "<style>text { fill: #1d1f22; } rect { fill: #1f6fb8; } \
    @media (prefers-color-scheme: dark) { text { fill: #e8e8e4; } rect { fill: #5aa9ec; } }</style>";

/// One field: how strong its tint is, from 0 to 1, and what is in it.
type Field = (f64, String);

/// How much each token reads of each in one head; block and head are counted from 1.
///
/// # Errors
/// If there is no such head, or the text has no token or too many.
pub fn head(loaded: &Loaded, ids: &[i64], block: usize, head: usize) -> Result<String> {
    let config = &loaded.brought.model.config;
    for (what, number, most) in [("block", block, config.layers), ("head", head, config.heads)] {
        ensure!((1..=most as usize).contains(&number), "{what} {number}: there are 1 to {most}");
    }
    let traced = traced(loaded, ids)?;
    let weights = traced.attention.select(0, block as i64 - 1).select(0, head as i64 - 1); // [T, T]
    let fields = rows::<f64>(&weights)?.into_iter().enumerate().map(|(reader, row)| {
        row[..=reader].iter().map(|&weight| (weight, format!("{weight:.2}"))).collect()
    });
    let words = words(loaded, ids);
    let title = format!("Attention in block {block}, head {head} of {}", loaded.name);
    let description = "Each row is a token that reads, each column one that is read; a row sums to 1. Columns, then row by row";
    Ok(table(&title, description, 66, &words, &words, &fields.collect::<Vec<_>>()))
}

/// What the model would say after each token if the stream ended at each depth.
///
/// # Errors
/// If the text has no token or too many.
pub fn lens(loaded: &Loaded, ids: &[i64]) -> Result<String> {
    let traced = traced(loaded, ids)?;
    let best = rows::<i64>(&traced.lens_ids.select(-1, 0).tr())?; // [T, L + 1]
    let probabilities = rows::<f64>(&traced.lens_probabilities.select(-1, 0).tr())?;
    let fields = best.iter().zip(probabilities).map(|(ids, probabilities)| {
        let field = |(&id, p): (&i64, f64)| (p, format!("{} {:.0}%", named(loaded, id), 100.0 * p));
        ids.iter().zip(probabilities).map(field).collect()
    });
    let depths = (0..=loaded.brought.model.config.layers)
        .map(|depth| if depth == 0 { "embedding".to_owned() } else { format!("block {depth}") });
    let title = format!("The logit lens of {}", loaded.name);
    let description = "Each row is a token of the text; its columns say, from depth to depth, which token the model would let follow, and how \
         probable. Columns, then row by row";
    let (depths, fields): (Vec<_>, Vec<_>) = (depths.collect(), fields.collect());
    Ok(table(&title, description, 110, &depths, &words(loaded, ids), &fields))
}

fn traced(loaded: &Loaded, ids: &[i64]) -> Result<Trace> {
    let tokens = ids.len();
    ensure!(tokens <= MOST_TOKENS, "{tokens} tokens are too many to draw; give {MOST_TOKENS}");
    trace(&loaded.brought.model, ids).context("cannot look into this text")
}

fn words(loaded: &Loaded, ids: &[i64]) -> Vec<String> {
    ids.iter().map(|&id| named(loaded, id)).collect()
}

fn named(loaded: &Loaded, id: i64) -> String {
    word(loaded.lesson().piece(id).unwrap_or_default())
}

/// A token by itself: spaces at its ends and the ends of lines can be seen, and bytes that are no whole characters, or none that XML can
/// hold, are shown as such.
fn word(piece: &[u8]) -> String {
    let drawn = |text: &&str| !text.contains(|c: char| c.is_control() && c != '\n');
    let Some(text) = str::from_utf8(piece).ok().filter(drawn) else {
        return piece.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ");
    };
    let (start, end) = (text.starts_with(' '), text.len() > 1 && text.ends_with(' '));
    let inner = text.strip_prefix(' ').unwrap_or(text);
    let inner = if end { &inner[..inner.len() - 1] } else { inner };
    let mark = |is_there| if is_there { "␣" } else { "" };
    format!("{}{}{}", mark(start), inner.replace('\n', "↵"), mark(end))
}

/// A table of fields with words over its columns and before its rows.
fn table(
    title: &str,
    description: &str,
    column: usize,
    columns: &[String],
    words: &[String],
    fields: &[Vec<Field>],
) -> String {
    let (width, height) = (LEFT + column * columns.len(), TOP + ROW * words.len() + 4);
    let told = words.iter().zip(fields).map(|(word, fields)| {
        let fields: Vec<_> = fields.iter().map(|(_, field)| field.as_str()).collect();
        format!("{word}: {}", fields.join(", "))
    });
    let told =
        format!("{description}. {}: {}.", columns.join(", "), told.collect::<Vec<_>>().join("; "));
    let (title, description, mut parts) = (escaped(title), escaped(&told), Vec::new());
    let middle = |number: usize| LEFT + column * number + column / 2;
    for (number, word) in columns.iter().enumerate() {
        parts.push(text(middle(number), TOP - 12, "middle", word));
    }
    for (row, (word, fields)) in words.iter().zip(fields).enumerate() {
        let top = TOP + ROW * row;
        parts.push(text(LEFT - 8, top + 20, "end", word));
        for (number, (tint, word)) in fields.iter().enumerate() {
            let (x, y, opacity) = (LEFT + column * number + 1, top + 1, 0.04 + 0.56 * tint);
            let (width, height) = (column - 2, ROW - 2);
            parts.push(format!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"3\" fill-opacity=\"{opacity:.2}\"/>"
            ));
            parts.push(text(middle(number), top + 20, "middle", word));
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"15\" role=\"img\">\n<title>{title}</title>\n\
         <desc>{description}</desc>\n{STYLE}\n{}\n</svg>\n",
        parts.join("\n")
    )
}

fn text(x: usize, y: usize, anchor: &str, words: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>", escaped(words))
}

/// Text that is no markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_shows_its_spaces_and_line_ends_and_bytes_that_cannot_be_drawn() {
        let pieces: [&[u8]; 6] = [b" a ", b" ", b"a\n", "\u{4e00}".as_bytes(), b"\xf0\x9f", b"\0a"];
        assert_eq!(pieces.map(word), ["␣a␣", "␣", "a↵", "一", "F0 9F", "00 61"]);
    }

    #[test]
    fn a_figure_has_a_field_for_each_number_and_no_text_in_it_is_markup() {
        let words = ["<b>".to_owned(), "a & b".to_owned()];
        let fields = [
            vec![(1.0, "1.00".to_owned())],
            vec![(0.0, "</svg>".to_owned()), (0.5, "0.50".to_owned())],
        ];
        let svg = table("A <title>", "What it shows", 60, &words, &words, &fields);
        assert_eq!((svg.matches("<rect").count(), svg.matches("<text").count()), (3, 4 + 3));
        assert_eq!(svg.matches("</svg>").count(), 1);
        let told = "<desc>What it shows. &lt;b&gt;, a &amp; b: &lt;b&gt;: 1.00; a &amp; b: &lt;/svg&gt;, 0.50.</desc>";
        assert!(svg.contains(told), "{svg}");
        assert!(
            !svg.contains("<b>") && svg.contains("a &amp; b") && svg.contains("A &lt;title&gt;")
        );
        assert!(
            svg.contains("fill-opacity=\"0.60\"") && svg.contains("fill-opacity=\"0.04\""),
            "{svg}"
        );
    }
}
