//! How the maps are drawn: SVG whose colors follow the page's, light or dark.

use anyhow::{Context, Result};
use embedding::support::texts::project_root;
use std::{env, fmt::Write as _, fs};

/// Its own colors for both grounds; `.a` is a part, `.b` a part that is lit, `.c` lines and words beside them.
const STYLE: &str = "<style>.a{fill:#e4e7eb}.a+text{fill:#3d4450}.b{fill:#2b6a9b}.b+text{fill:#fff}.c{fill:#5f6773}\
    .l{stroke:#8a929e;fill:none;stroke-width:1.5}@media(prefers-color-scheme:dark){.a{fill:#39404c}.a+text{fill:#d5dae2}\
    .b{fill:#6db3dd}.b+text{fill:#10151c}.c{fill:#a9b1bd}}</style>";

/// A part of the map: its name, left edge, top and width. All are 28 high.
type Part = (&'static str, f64, f64, f64);

/// What the small map shows, to those who cannot see it.
const PARTS: &str = "The parts of a GPT-2 in the order in which a text goes through them: text, tokens, windows, embedding; twelve \
    blocks of norm, attention with its mask and heads, norm and feed-forward; a final norm and the head. Then what it is used \
    for: loss, gradient and step train it, writing with a cache makes text, fine-tuning makes it answer.";
const HEIGHT: f64 = 28.0;
const SMALL: [Part; 17] = [
    ("text", 4.0, 4.0, 62.0),
    ("tokens", 82.0, 4.0, 74.0),
    ("windows", 172.0, 4.0, 82.0),
    ("embedding", 270.0, 4.0, 126.0),
    ("norm", 12.0, 64.0, 52.0),
    ("attention", 72.0, 64.0, 80.0),
    ("mask", 154.0, 64.0, 52.0),
    ("heads", 208.0, 64.0, 56.0),
    ("feed-forward", 276.0, 64.0, 112.0),
    ("final norm", 4.0, 112.0, 92.0),
    ("head", 112.0, 112.0, 60.0),
    ("loss", 188.0, 112.0, 52.0),
    ("gradient", 256.0, 112.0, 76.0),
    ("step", 348.0, 112.0, 48.0),
    ("writing", 112.0, 152.0, 76.0),
    ("cache", 204.0, 152.0, 62.0),
    ("fine-tuning", 282.0, 152.0, 114.0),
];

/// Writes the small map with some parts lit.
pub fn small(name: &str, lit: &[&str]) -> Result<()> {
    let lit_parts = lit.join(", ");
    let title = format!("Where we are in the model: {lit_parts}");
    let told = format!("{PARTS} Lit are: {lit_parts}.");
    let mut svg = open((400.0, 186.0), 15, &title, &told);
    svg += "<rect class=\"l\" x=\"4\" y=\"40\" width=\"392\" height=\"60\" rx=\"6\" stroke-dasharray=\"4 3\"/>\n";
    words(&mut svg, (12.0, 57.0), "start", "the block, 12 times");
    for part in &SMALL {
        field(&mut svg, part, lit.contains(&part.0));
    }
    for (x, y) in [(74.0, 18.0), (164.0, 18.0), (262.0, 18.0), (104.0, 126.0), (180.0, 126.0)] {
        arrow(&mut svg, (x, y));
    }
    for (x, y) in [(248.0, 126.0), (340.0, 126.0), (196.0, 166.0)] {
        arrow(&mut svg, (x, y));
    }
    write(svg, &format!("map-{name}"))
}

/// Writes the large map: what a text goes through, from the top to the bottom, with the numbers that each part holds.
pub fn large(parts: &[(&'static str, i64, i64)], all: i64) -> Result<()> {
    let count = |name: &str| {
        let part = parts.iter().find(|part| part.0 == name);
        part.map_or(String::new(), |&(_, times, numbers)| match times {
            1 => format!("{} numbers", grouped(numbers)),
            times => format!("{times} times {}", grouped(numbers)),
        })
    };
    let stages = [
        ("a text", "\u{201c}Once there was\u{201d}".to_owned(), 16.0),
        ("tokens and their ids", "chapter 1: 7454 612 373".to_owned(), 70.0),
        ("embedding: token plus position", format!("chapter 1: {}", count("token table")), 124.0),
        ("norm, then attention", format!("chapter 2: {}", count("attention")), 212.0),
        ("norm, then feed-forward", format!("chapter 3: {}", count("feed-forward")), 266.0),
        ("final norm", format!("chapter 3: {}", count("final norm")), 354.0),
        ("head: a score for each token", "the token table again".to_owned(), 408.0),
        ("the next token is chosen", "chapter 4: \u{201c}a\u{201d}".to_owned(), 462.0),
    ];
    let title = "What you will build: from a text to the next word";
    let mut svg = open((640.0, 700.0), 17, title, &told(&stages, all));
    svg += "<rect class=\"l\" x=\"12\" y=\"178\" width=\"616\" height=\"146\" rx=\"8\" stroke-dasharray=\"5 4\"/>\n";
    words(&mut svg, (24.0, 202.0), "start", "a block, 12 of them, one after the other");
    for (name, beside, y) in &stages {
        field(&mut svg, &(name, 24.0, *y, 290.0), *y > 200.0 && *y < 300.0);
        words(&mut svg, (332.0, y + 20.0), "start", beside);
    }
    for y in [57.0, 111.0, 165.0, 253.0, 339.0, 395.0, 449.0] {
        words(&mut svg, (169.0, y + 6.0), "middle", "\u{25be}");
    }
    words(&mut svg, (24.0, 530.0), "start", &format!("together {} numbers", grouped(all)));
    for (at, line) in [
        "It writes: append the token, and begin again at the top.",
        "It learns (chapter 4): how small was the probability of the",
        "token that really came? Move every number a little, so that",
        "it becomes larger; again and again, for many texts.",
        "It answers (chapter 5): the same, on questions and answers.",
    ]
    .iter()
    .enumerate()
    {
        words(&mut svg, (24.0, 566.0 + 28.0 * at as f64), "start", line);
    }
    write(svg, "map")
}

/// The stages with what stands beside each; the fourth and the fifth are the block.
fn told(stages: &[(&str, String, f64)], all: i64) -> String {
    let stages: Vec<_> =
        stages.iter().map(|(name, beside, _)| format!("{name} ({beside})")).collect();
    let (before, block, after) =
        (stages[..3].join(", "), stages[3..5].join(" and "), stages[5..].join(", "));
    format!(
        "From top to bottom: {before}; then twelve blocks, one after the other, each of {block}; then {after}. Together {} \
         numbers. The chosen token is appended to the text, and it begins again at the top; training moves the numbers, so that \
         the token that really came becomes more probable.",
        grouped(all)
    )
}

fn open((width, height): (f64, f64), size: u32, title: &str, description: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"{size}\" role=\"img\">\n<title>{title}</title>\n\
         <desc>{description}</desc>\n{STYLE}\n"
    )
}

fn field(svg: &mut String, &(name, x, y, width): &Part, lit: bool) {
    let (class, middle, base) = (if lit { 'b' } else { 'a' }, x + width / 2.0, y + 19.5);
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"4\"/>\
         <text x=\"{middle}\" y=\"{base}\" text-anchor=\"middle\">{name}</text>"
    );
}

fn words(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text class=\"c\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

fn arrow(svg: &mut String, (x, y): (f64, f64)) {
    words(svg, (x, y + 5.0), "middle", "\u{203a}");
}

/// `1234567` as `1,234,567`.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a map where `cargo xtask` has asked for figures.
fn write(mut svg: String, name: &str) -> Result<()> {
    if env::var_os("GPT2_FIGURES").is_none() {
        return Ok(());
    }
    svg.push_str("</svg>\n");
    let file = format!("chapters/figures/{name}.svg");
    fs::write(project_root().join(&file), svg).with_context(|| format!("cannot write {file}"))?;
    eprintln!("drew {file}");
    Ok(())
}
