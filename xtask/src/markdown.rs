//! Chapters as pulldown-cmark reads them, and what of them `weave` writes.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

const OPEN: &str = "<!-- weave ";
/// Closes what `weave` writes.
pub const CLOSE: &str = "<!-- /weave -->";

/// A page of Markdown, taken apart. Lines are counted from 1.
pub struct Page<'a> {
    /// Its source.
    pub text: &'a str,
    /// What it consists of, each with the bytes that it takes.
    pub events: Vec<(Event<'a>, Range<usize>)>,
    /// The markers of `weave`, in their order.
    pub markers: Vec<Marker<'a>>,
}

/// A line that begins or ends what `weave` writes.
pub struct Marker<'a> {
    /// The bytes of the whole line.
    pub range: Range<usize>,
    /// What is to be woven; `None` where it ends.
    pub directive: Option<&'a str>,
}

impl<'a> Page<'a> {
    /// Takes a text apart.
    pub fn new(text: &'a str) -> Self {
        let options = Options::ENABLE_TABLES | Options::ENABLE_MATH;
        let events: Vec<_> = Parser::new_ext(text, options).into_offset_iter().collect();
        let blocks =
            events.iter().filter(|(event, _)| matches!(event, Event::Start(Tag::HtmlBlock)));
        let markers = blocks.filter_map(|(_, range)| marker(text, range)).collect();
        Self { text, events, markers }
    }

    /// The line that a byte is on.
    pub fn line(&self, at: usize) -> usize {
        1 + self.text[..at].matches('\n').count()
    }

    /// What is between two markers, or after one that is never closed.
    pub fn woven(&self) -> Vec<Range<usize>> {
        let mut woven = Vec::new();
        let mut markers = self.markers.iter();
        while let Some(open) = markers.next() {
            if open.directive.is_some() {
                let end = markers.next().map_or(self.text.len(), |close| close.range.start);
                woven.push(open.range.end..end);
            }
        }
        woven
    }

    /// What the author wrote: the events outside of woven blocks.
    pub fn written(&self) -> impl Iterator<Item = &(Event<'a>, Range<usize>)> {
        let woven = self.woven();
        self.events
            .iter()
            .filter(move |(_, range)| !woven.iter().any(|woven| woven.contains(&range.start)))
    }

    /// Inline code that the author wrote, each with its line.
    pub fn codes(&self) -> impl Iterator<Item = (usize, &str)> {
        self.written().filter_map(|(event, range)| match event {
            Event::Code(code) => Some((self.line(range.start), code.as_ref())),
            _ => None,
        })
    }

    /// The text with everything blanked but the words of the author's sentences, so that each keeps its place.
    pub fn sentences(&self) -> String {
        let mut kept: String = self.text.split_inclusive('\n').map(blank).collect();
        let mut in_code = false;
        for (event, range) in self.written() {
            match event {
                Event::Start(Tag::CodeBlock(_)) => in_code = true,
                Event::End(TagEnd::CodeBlock) => in_code = false,
                Event::Text(_) if !in_code => {
                    kept.replace_range(range.clone(), &self.text[range.clone()]);
                }
                _ => {}
            }
        }
        kept
    }
}

/// As many spaces as the line has bytes.
fn blank(line: &str) -> String {
    let length = line.trim_end_matches('\n').len();
    " ".repeat(length) + &line[length..]
}

/// The marker that a block of HTML is.
fn marker<'a>(text: &'a str, range: &Range<usize>) -> Option<Marker<'a>> {
    let block = text[range.clone()].trim();
    let directive = if block == CLOSE {
        None
    } else {
        let inside = block.strip_prefix(OPEN)?;
        Some(inside.strip_suffix("-->").unwrap_or(inside).trim())
    };
    let start = text[..range.start].rfind('\n').map_or(0, |end| end + 1);
    Some(Marker { range: start..range.end, directive })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_words_of_the_authors_sentences_are_kept() {
        let text = "# é 1\n\nA `b` **c** $d$ <!-- e -->\n[f](g)\n\n```text\nh\n```\n<!-- weave i -->\nj\n<!-- /weave -->\n\nk\n";
        let kept = Page::new(text).sentences();
        assert_eq!(kept.len(), text.len());
        let words: Vec<_> = kept
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(words.join("\n").trim_end(), "é 1\n\nA c\nf\n\n\n\n\n\n\n\n\nk");
        let at = text.find("f](").expect("the link");
        assert_eq!(kept.find('f'), Some(at), "each keeps its place");
    }

    #[test]
    fn markers_in_lists_are_found_and_those_in_code_are_text() {
        let text = "1. a\n\n   <!-- weave x#y -->\n   z\n   <!-- /weave -->\n\n````text\n<!-- weave b -->\n````\n";
        let page = Page::new(text);
        let found: Vec<_> = page
            .markers
            .iter()
            .map(|marker| (page.line(marker.range.start), marker.directive))
            .collect();
        assert_eq!(found, [(3, Some("x#y")), (5, None)]);
        assert_eq!(page.woven().len(), 1);
        assert_eq!(&text[page.woven()[0].clone()], "   z\n");
    }
}
