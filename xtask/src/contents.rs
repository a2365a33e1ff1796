//! The table of contents: which crate is which chapter, and which demos it has, in reading order. Chapter 0 shares a crate.
//!
//! Every command that walks over demos takes its list from here; a test holds it against the files.

use std::iter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// One chapter: a crate and its demos.
#[derive(Debug)]
pub struct Chapter {
    pub number: usize,
    /// Of chapters 1 to 5 also the name of the crate.
    pub name: &'static str,
    /// The crate under `crates/` that its demos are examples of.
    krate: &'static str,
    /// The demos under `examples/`, in reading order, with spaces between.
    listed: &'static str,
}

/// What comes before the first of the five: it has no crate of its own.
pub const BEFORE: Chapter = Chapter {
    krate: "embedding",
    ..with_crate(0, "before", "tensors matrix_product forward_on_paper")
};

/// The five chapters with a crate each, in reading order.
pub const CHAPTERS: [Chapter; 5] = [
    with_crate(
        1,
        "embedding",
        "split_words vocabulary unknown_words byte_pairs next_token_pairs sliding_window \
         token_embedding position_embedding input_embedding",
    ),
    with_crate(
        2,
        "attention",
        "plain_attention scaled_dot_product self_attention causal_mask dropout causal_attention \
         heads_side_by_side multi_head_attention attention_on_paper",
    ),
    with_crate(
        3,
        "model",
        "dummy_model layer_norm gelu_near_zero activations feed_forward shortcut_gradients \
         transformer_block model_summary untrained_text cached_writing looking_inside block_on_paper map",
    ),
    with_crate(
        4,
        "train",
        "training_targets cross_entropy step_on_paper split_and_loss chain_rule nudge \
         logit_gradient train_like_pytorch sgd_and_adam book_protocol generator \
         tiny_training decoding top_k temperature save_and_load norm_gradient",
    ),
    with_crate(
        5,
        "finetune",
        "model_structure load_weights prompt_format collate finetune_tiny score",
    ),
];

const fn with_crate(number: usize, name: &'static str, listed: &'static str) -> Chapter {
    Chapter { number, name, krate: name, listed }
}

/// One demo and the files that belong to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demo {
    /// The crate it is an example of.
    pub krate: &'static str,
    pub name: &'static str,
}

impl Demo {
    fn beside(self, root: &Path, suffix: &str) -> PathBuf {
        root.join(format!("crates/{}/examples/{}{suffix}", self.krate, self.name))
    }

    /// The source.
    pub fn source(self, root: &Path) -> PathBuf {
        self.beside(root, ".rs")
    }

    /// The reference output with the embedded text.
    pub fn out(self, root: &Path) -> PathBuf {
        self.beside(root, ".out")
    }

    /// The reference output with the fetched text, where the demo has one.
    pub fn public_out(self, root: &Path) -> PathBuf {
        self.beside(root, ".public.out")
    }

    /// The script of another program that makes the reference output, where there is one.
    pub fn script(self, root: &Path) -> PathBuf {
        root.join(format!("data/reference/{}.py", self.name))
    }

    /// The command with which a reader runs it.
    pub fn command(self) -> String {
        format!("cargo run -q -p {} --example {}", self.krate, self.name)
    }
}

impl Chapter {
    /// The demos in reading order.
    pub fn demos(&self) -> impl Iterator<Item = Demo> {
        self.listed.split_whitespace().map(|name| Demo { krate: self.krate, name })
    }
}

/// All chapters in reading order, the one without a crate first.
pub fn all() -> impl Iterator<Item = &'static Chapter> {
    iter::once(&BEFORE).chain(&CHAPTERS)
}

/// The chapters that `0` to `5`, a chapter's name, or `all` stands for.
pub fn chapters(which: &str) -> Result<Vec<&'static Chapter>> {
    let is_meant = |chapter: &&Chapter| {
        which == "all" || chapter.number.to_string() == which || chapter.name == which
    };
    let found: Vec<_> = all().filter(is_meant).collect();
    let valid = all().map(|chapter| format!("{} ({})", chapter.number, chapter.name));
    let valid = valid.collect::<Vec<_>>().join(", ");
    ensure!(!found.is_empty(), "there is no chapter {which}; choose one of {valid}, or all");
    Ok(found)
}

/// The demo of this name among the given chapters.
pub fn demo_in(chapters: &[&'static Chapter], name: &str) -> Result<Demo> {
    let mut demos = chapters.iter().flat_map(|chapter| chapter.demos());
    demos.find(|demo| demo.name == name).with_context(|| {
        let valid = chapters
            .iter()
            .map(|chapter| format!("\n  {} {}", chapter.number, chapter.listed.replace(' ', ", ")));
        format!("there is no demo {name}; choose one of{}", valid.collect::<String>())
    })
}

/// The demo of this name in any chapter.
pub fn demo(name: &str) -> Result<Demo> {
    demo_in(&all().collect::<Vec<_>>(), name)
}

/// All demos of all chapters in reading order.
pub fn all_demos() -> impl Iterator<Item = Demo> {
    all().flat_map(Chapter::demos)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::files::matching;

    #[test]
    fn a_chapter_is_found_by_number_and_by_name() {
        assert_eq!(chapters("2").expect("by number")[0].name, "attention");
        assert_eq!(chapters("model").expect("by name")[0].number, 3);
        assert_eq!(chapters("0").expect("by number")[0].name, "before");
        assert_eq!(chapters("all").expect("all of them").len(), 6);
    }

    #[test]
    fn an_unknown_chapter_or_demo_lists_the_valid_ones() {
        let error = chapters("6").expect_err("the last is five").to_string();
        assert!(error.contains("5 (finetune)"), "{error}");
        let error = demo("causal_musk").expect_err("misspelled").to_string();
        assert!(error.contains("causal_mask") && error.contains("collate"), "{error}");
        let first = chapters("1").expect("it exists");
        let error = demo_in(&first, "causal_mask").expect_err("of another chapter").to_string();
        assert!(error.contains("split_words") && !error.contains("collate"), "{error}");
    }

    #[test]
    fn no_two_demos_share_a_name() {
        let names: BTreeSet<_> = all_demos().map(|demo| demo.name).collect();
        assert_eq!(names.len(), all_demos().count());
    }

    #[test]
    fn a_chapter_without_a_crate_shares_that_of_the_next_one() {
        let own: Vec<_> = BEFORE.demos().collect();
        assert!(own.iter().all(|demo| demo.krate == "embedding"));
        assert!(
            CHAPTERS[0].demos().all(|demo| !own.contains(&demo)),
            "each demo is of one chapter"
        );
    }

    #[test]
    fn the_demos_of_the_table_are_those_that_have_a_file() {
        let root = xtask::project_root();
        let files = matching(&root, "crates/*/examples/*.rs").expect("listed");
        let listed: BTreeSet<_> = all_demos().map(|demo| demo.source(&root)).collect();
        assert_eq!(BTreeSet::from_iter(files), listed);
    }
}
