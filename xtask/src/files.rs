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
pub mod tests {
    use super::*;

    /// A folder with these files.
    pub fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in files {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
            std::fs::write(file, text).expect("a file");
        }
        folder
    }

    #[test]
    fn a_folder_named_like_a_pattern_is_taken_as_it_is() {
        let folder =
            project(&["a[b]*/x/y/2.rs", "a[b]*/x/1.rs", "a[b]*/x/1.txt"].map(|name| (name, "")));
        let root = folder.path().join("a[b]*");
        let found = matching(&root, "x/**/*.rs").expect("listed");
        assert_eq!(found, [root.join("x/1.rs"), root.join("x/y/2.rs")]);
        assert_eq!(matching(&root, "gone/*").expect("listed"), Vec::<PathBuf>::new());
    }
}
