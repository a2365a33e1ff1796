//! Files by pattern.

use std::path::{Path, PathBuf};

use anyhow::Result;
use glob::Pattern;

/// The files and folders below `root` that a pattern such as `crates/*/src/**/*.rs` matches, sorted.
pub fn matching(root: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let root = Pattern::escape(&root.to_string_lossy());
    Ok(glob::glob(&format!("{root}/{pattern}"))?.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_named_like_a_pattern_is_taken_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("a[b]*");
        std::fs::create_dir_all(root.join("x/y")).expect("folders");
        for name in ["x/y/2.rs", "x/1.rs", "x/1.txt"] {
            std::fs::write(root.join(name), "").expect("a file");
        }
        let found = matching(&root, "x/**/*.rs").expect("listed");
        assert_eq!(found, [root.join("x/1.rs"), root.join("x/y/2.rs")]);
        assert_eq!(matching(&root, "gone/*").expect("listed"), Vec::<PathBuf>::new());
    }
}
