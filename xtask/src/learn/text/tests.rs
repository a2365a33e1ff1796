use fs_err as fs;

use super::*;
use crate::files::tests::project;

const SOURCE: &str = "/// Docs: é.\npub fn f(a: i64) -> i64 {\n    a + 1\n}\n\nimpl A {\n    fn g(\n        &self,\n    ) -> char {\n        '}' // }\n    }\n}\n\n#[cfg(test)]\nmod tests {\n    fn f() {}\n}\n";

fn exercise() -> Exercise {
    toml::from_str(
        "id = '1.1.1'\ntitle = 'an é'\ntask = 't'\njudges = []\nhints = ['', '', '']\nitems = ['a.rs#f', 'a.rs#A::g']",
    )
    .expect("an exercise")
}

#[test]
fn what_is_cut_and_given_back_is_the_file_byte_for_byte() {
    let folder = project(&[("a.rs", SOURCE)]);
    let (root, exercise) = (folder.path(), exercise());
    let reference = bodies(root, &exercise).expect("read");
    assert_eq!(reference, ["{\n    a + 1\n}", "{\n        '}' // }\n    }"]);
    let holes: Vec<_> = reference.iter().map(|body| cut_body(&exercise, body)).collect();
    put(root, &exercise, &holes).expect("cut");
    let text = fs::read_to_string(root.join("a.rs")).expect("there");
    let holed = "pub fn f(a: i64) -> i64 {\n    todo!(\"1.1.1: an é\")\n}\n";
    assert!(text.contains(holed), "{text}");
    assert!(text.contains("char {\n        todo!(\"1.1.1: an é\")\n    }\n}"), "{text}");
    let now = bodies(root, &exercise).expect("read");
    assert!(now.iter().all(|body| is_open(&exercise, body)));
    put(root, &exercise, &reference).expect("given back");
    assert_eq!(fs::read_to_string(root.join("a.rs")).expect("there"), SOURCE);
}

#[test]
fn a_signature_is_what_stands_before_the_body_however_it_is_laid_out() {
    let folder = project(&[
        ("a.rs", SOURCE),
        ("b.rs", "pub fn f(\n    a: i64\n) -> i64 {a}\n"),
        ("c.rs", "pub fn f(a: i32) -> i64 { 1 }\n"),
    ]);
    let item = |text: &str| ItemPath::try_from(text.to_owned()).expect("an item");
    let of = |text: &str| signature(folder.path(), &item(text)).expect("there");
    assert_eq!(of("a.rs#f"), of("b.rs#f"));
    assert_ne!(of("a.rs#f"), of("c.rs#f"));
    assert!(of("a.rs#A::g").starts_with("fn g"), "{}", of("a.rs#A::g"));
}

#[test]
fn an_edit_must_fit_one_place() {
    let reference = ["{ a + 1 }".to_owned(), "{ a + a }".to_owned()];
    let edited = |text: &str| {
        let edit: Edit = toml::from_str(text).expect("an edit");
        edited(&exercise(), &reference, &[edit])
    };
    assert_eq!(edited("replace = '1'\nwith = '2'").expect("once")[0], "{ a + 2 }");
    assert_eq!(edited("item = 'A::g'\nwith = 'b'").expect("whole")[1], "{\n    b\n}");
    for text in ["replace = 'c'\nwith = ''", "replace = 'a +'\nwith = ''", "with = ''"] {
        assert!(edited(text).is_err(), "{text}");
    }
    assert!(edited("item = 'A::g'\nreplace = 'a'\nwith = ''").is_err(), "twice in one body");
}
