//! The search in real folders, and against a naive reading of what it should find.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A folder with files, each with its own path in it; a path that ends in a slash is a folder.
fn tree(paths: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for path in paths {
        let place = folder.path().join(path);
        if path.ends_with('/') {
            fs::create_dir_all(place).unwrap();
        } else {
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, path).unwrap();
        }
    }
    folder
}

/// What is found, by paths in the tree, and what is left out: hidden, markers, others.
fn found(folder: &TempDir, names: &[&str]) -> Result<(Vec<String>, [u64; 3])> {
    let names = names.iter().map(|name| folder.path().join(name));
    Ok(told(folder, &Search::new(names).find()?))
}

fn told(folder: &TempDir, found: &Found) -> (Vec<String>, [u64; 3]) {
    let names = found.inputs.iter().map(|place| {
        let path = place.path().strip_prefix(folder.path()).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let LeftOut {
        hidden,
        markers,
        others,
    } = found.left_out;
    (names.collect(), [hidden, markers, others])
}

fn message(result: Result<impl fmt::Debug>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_folder_gives_its_files_in_the_order_of_bytes() {
    let folder = tree(&[
        "a.jsonl",
        "a/b.ndjson.gz",
        "a-b.json",
        "a/.x.jsonl",
        "a/_SUCCESS",
        "a/c/d/e.JSONL.Zst",
        ".git/config",
        ".git/x.jsonl",
        "_delta_log/0.json",
        "+tmp/x_tmp.json",
        "_day=1/x.json",
        "x.jsonl.tmp",
        "notes.txt",
        "empty/",
    ]);
    let (names, left_out) = found(&folder, &[""]).unwrap();
    assert_eq!(
        names,
        [
            "_day=1/x.json",
            "a-b.json",
            "a.jsonl",
            "a/b.ndjson.gz",
            "a/c/d/e.JSONL.Zst"
        ]
    );
    assert_eq!(left_out, [2, 4, 1]);
    // What is named is taken, hidden or not, in the order of the names.
    let (names, left_out) = found(&folder, &[".git", "notes.txt", "_delta_log", "a/c"]).unwrap();
    assert_eq!(
        names,
        [
            ".git/x.jsonl",
            "notes.txt",
            "_delta_log/0.json",
            "a/c/d/e.JSONL.Zst"
        ]
    );
    assert_eq!(left_out, [0, 0, 1]);
}

#[test]
fn patterns_give_files_and_folders() {
    let folder = tree(&[
        "2024/01/a.jsonl",
        "2024/01/b.log",
        "2024/02/a.jsonl",
        "2024/02/c/a.jsonl",
        "2024/02/c/notes.txt",
        "2024/.old/a.jsonl",
        "2024/.new/z",
        "2024/_x/a.jsonl",
        "2023/a.jsonl",
        "a[1].jsonl",
        "a1.jsonl",
        "café.log",
    ]);
    for (pattern, names, left_out) in [
        (
            "2024/*/a.jsonl",
            &["2024/01/a.jsonl", "2024/02/a.jsonl"][..],
            [1, 1, 0],
        ),
        ("2024/.*/a.jsonl", &["2024/.old/a.jsonl"], [0, 0, 0]),
        ("2024/_?/*", &["2024/_x/a.jsonl"], [0, 0, 0]),
        (
            "2024/01/*",
            &["2024/01/a.jsonl", "2024/01/b.log"],
            [0, 0, 0],
        ),
        (
            "2024/0[!1]",
            &["2024/02/a.jsonl", "2024/02/c/a.jsonl"],
            [0, 0, 1],
        ),
        (
            "202[34]/**/a.jsonl",
            &[
                "2023/a.jsonl",
                "2024/01/a.jsonl",
                "2024/02/a.jsonl",
                "2024/02/c/a.jsonl",
            ],
            [2, 1, 0],
        ),
        ("**/c/**/*.jsonl", &["2024/02/c/a.jsonl"], [2, 1, 0]),
        (
            "2024/02/**",
            &[
                "2024/02/a.jsonl",
                "2024/02/c/a.jsonl",
                "2024/02/c/notes.txt",
            ],
            [0, 0, 0],
        ),
        // Of the folder `c` a file is taken that the walk through it leaves out.
        (
            "2024/02/{c,c/notes.txt}",
            &["2024/02/c/a.jsonl", "2024/02/c/notes.txt"],
            [0, 0, 0],
        ),
        (
            "{2023,2024/01}/a*",
            &["2023/a.jsonl", "2024/01/a.jsonl"],
            [0, 0, 0],
        ),
        ("a[1].jsonl", &["a[1].jsonl"], [0, 0, 0]),
        ("a[1].json?", &["a1.jsonl"], [0, 0, 0]),
        (r"a\[1\].json?", &["a[1].jsonl"], [0, 0, 0]),
        ("caf?.log", &["café.log"], [0, 0, 0]),
        (
            "2024/0?/",
            &["2024/01/a.jsonl", "2024/02/a.jsonl", "2024/02/c/a.jsonl"],
            [0, 0, 2],
        ),
        ("2024/../202?/a.jsonl", &["2024/../2023/a.jsonl"], [0, 0, 0]),
    ] {
        let expected = (names.iter().map(ToString::to_string).collect(), left_out);
        assert_eq!(found(&folder, &[pattern]).unwrap(), expected, "{pattern}");
    }
    for pattern in [
        "*.csv",
        "2024/*/a.jsonl/*",
        "a1.jsonl/",
        "2023/?",
        "*/*/*/*/*",
    ] {
        let text = message(found(&folder, &[pattern]));
        assert!(
            text.contains("no inputs match /") || text.contains("cannot open /"),
            "{text}"
        );
    }
    let text = message(found(&folder, &["2024/*x"]));
    assert!(text.contains("(left out: 1 marker)"), "{text}");
    for (pattern, hint) in [
        ("a[2.jsonl", "; its bracket [ is not closed"),
        ("a{2.jsonl", "; its brace { is not closed"),
        ("{x}", "; its braces have no comma"),
        ("20*/[a", "; its bracket [ is not closed"),
        (
            "a[1].jsonl/*.x",
            "/a[1].jsonl exists: put a \\ before each of ",
        ),
    ] {
        let text = message(found(&folder, &[pattern]));
        assert!(
            text.starts_with("no inputs match /") && text.contains(hint),
            "{text}"
        );
    }
}

/// What a pattern says of each of its alternatives: the paths that are found, or the fault, and what
/// matches nothing.
fn alternatives(
    folder: &TempDir,
    pattern: &str,
) -> (std::result::Result<Vec<String>, String>, Unmatched) {
    let (found, result) = Search::new([folder.path().join(pattern)]).survey();
    let names = told(folder, &found).0;
    let root = format!("{}/", folder.path().display());
    let result = result.map_err(|error| error.to_string().replace(&root, ""));
    let mut unmatched = found.unmatched;
    for path in &mut unmatched.first {
        *path = path.strip_prefix(folder.path()).unwrap().into();
    }
    (result.map(|()| names), unmatched)
}

#[test]
fn alternatives_that_are_names_have_to_be_there() {
    let folder = tree(&[
        "mon.jsonl",
        "in/a.jsonl",
        "in/b.txt",
        "none/x.txt",
        "a[1.jsonl",
    ]);
    for (pattern, fault) in [
        (
            "{mon,tue}.jsonl",
            "cannot open tue.jsonl: no such file or folder; check the path",
        ),
        ("{tue,wed}.jsonl", "cannot open tue.jsonl: no such file"),
        ("{m*,tue.jsonl}", "cannot open tue.jsonl: no such file"),
        (
            "{mon.jsonl,in/c.jsonl}",
            "cannot open in/c.jsonl: no such file",
        ),
        ("{in,out}", "cannot open out: no such file"),
        (
            "{in,none}",
            "no inputs in the folder none: no *.jsonl, *.ndjson or *.json, compressed or not (left out: 1 other file)",
        ),
        (
            "{in,mon.jsonl}/",
            "cannot open mon.jsonl/: a part of the path is not a folder",
        ),
        (
            "in/{a,b}{.jsonl,.txt}",
            "cannot open in/a.txt: no such file",
        ),
        ("x{08..10}.jsonl", "cannot open x08.jsonl: no such file"),
        ("{mon,b[1}.jsonl", "no inputs match b[1.jsonl: "),
        ("{mon,x{1..y}}.jsonl", "no inputs match x{1..y}.jsonl: "),
        ("{in,non\\e}", "no inputs in the folder none: "),
        // Those that are no names too are told with the rest.
        ("{x*,y*}", "no inputs match {x*,y*}: "),
        ("x*", "no inputs match x*: "),
    ] {
        let (result, unmatched) = alternatives(&folder, pattern);
        let text = result.unwrap_err();
        assert!(text.starts_with(fault), "{pattern}: {text}");
        assert_eq!(unmatched, Unmatched::default());
    }
    // What is there is found all the same.
    let search = Search::new([folder.path().join("{mon,tue,a[1}.jsonl")]);
    let (found, result) = search.survey();
    assert!(result.is_err() && !found.is_cut_short);
    assert_eq!(told(&folder, &found).0, ["a[1.jsonl", "mon.jsonl"]);
}

#[test]
fn alternatives_that_match_nothing_are_told() {
    let folder = tree(&["mon.jsonl", "mon2.jsonl", "in/a.jsonl", "x3.jsonl"]);
    for (pattern, names, told_of) in [
        (
            "{mon*,tue*}.jsonl",
            &["mon.jsonl", "mon2.jsonl"][..],
            &["tue*.jsonl"][..],
        ),
        (
            "{mon.jsonl,t*,in/*.txt}",
            &["mon.jsonl"],
            &["t*", "in/*.txt"],
        ),
        ("{in,out*}", &["in/a.jsonl"], &["out*"]),
        (
            "**/*.{jsonl,json}",
            &["in/a.jsonl", "mon.jsonl", "mon2.jsonl", "x3.jsonl"],
            &["**/*.json"],
        ),
        // What another has taken is there too.
        ("{m*,mon*,mon.jsonl}", &["mon.jsonl", "mon2.jsonl"], &[]),
        ("{in,in/*}", &["in/a.jsonl"], &[]),
        (
            "{x,y}[[:digit:]].jsonl",
            &["x3.jsonl"],
            &["y[[:digit:]].jsonl"],
        ),
        ("{mon,x{3..3}}.jsonl", &["mon.jsonl", "x3.jsonl"], &[]),
        ("mon{,2}.jsonl", &["mon.jsonl", "mon2.jsonl"], &[]),
    ] {
        let (result, unmatched) = alternatives(&folder, pattern);
        assert_eq!(result.unwrap(), names, "{pattern}");
        let expected: Vec<PathBuf> = told_of.iter().map(PathBuf::from).collect();
        assert_eq!(
            (unmatched.count, unmatched.first),
            (expected.len() as u64, expected)
        );
    }
    let (result, unmatched) = alternatives(&folder, "{mon,{1..50}*}.jsonl");
    assert_eq!(result.unwrap(), ["mon.jsonl"]);
    assert_eq!(
        (unmatched.count, unmatched.first.len()),
        (50, Unmatched::MOST)
    );
    // Over all patterns.
    let names = ["{mon,{1..15}*}.jsonl", "{in,{1..15}*}"].map(|name| folder.path().join(name));
    let unmatched = Search::new(names).find().unwrap().unmatched;
    assert_eq!(
        (unmatched.count, unmatched.first.len()),
        (30, Unmatched::MOST)
    );
}

#[test]
fn an_alternative_that_is_nothing_is_an_empty_name() {
    for pattern in ["{a,}", "{,a}", "{,}", "{a,}{b,}", "{x*,}"] {
        let (found, result) = Search::new([pattern.into()]).survey();
        assert!(found.inputs.is_empty(), "{pattern}");
        assert!(
            matches!(result, Err(Error::EmptyAlternative { .. })),
            "{pattern}"
        );
        let text = message(result);
        let start = format!("the name of an input is empty: the braces of {pattern} stand ");
        assert!(text.starts_with(&start), "{text}");
    }
}

#[test]
fn what_is_no_class_is_refused() {
    let folder = tree(&["x1.jsonl"]);
    let text = message(found(&folder, &["x[[:digti:]].jsonl"]));
    assert!(text.starts_with("[:digti:] in the pattern /"), "{text}");
    assert!(
        text.contains("is no class of characters: there are [:alnum:], "),
        "{text}"
    );
    let text = message(found(&folder, &["x[:digit:].jsonl"]));
    assert!(
        text.contains("; a class such as [:digit:] has to be in brackets of its own"),
        "{text}"
    );
}

/// Files that are named as compressed and hold a part of first bytes.
#[test]
fn compressed_files_that_have_only_begun_are_cut_off() {
    for (name, content, format) in [
        ("a.jsonl.gz", &b"\x1f"[..], Some("gzip")),
        ("a.bgz", b"\x1f\x8b", Some("gzip")),
        ("a.jsonl.ZST", b"\x28", Some("zstd")),
        ("a.zstd", b"P*M", Some("zstd")),
        ("a.bz2", b"B", Some("bzip2")),
        ("a.bzip2", b"BZh", Some("bzip2")),
        ("a.xz", b"\xfd7zXZ", Some("xz")),
        ("a.lz4", b"\x04", Some("lz4")),
        // Whichever it is.
        ("a.gz", b"BZ", Some("bzip2")),
        // Lines, or for whoever reads it to say.
        ("a.gz", b"", None),
        ("a.gz", b"{}\n", None),
        ("a.gz", b"\x1f\x8b\x08", None),
        ("a.xz", b"\xfd7zXZ\0", None),
        ("a.jsonl", b"B", None),
        ("gz", b"B", None),
    ] {
        let folder = tree(&[]);
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        for asked in [name, "a*", "g*", "{a,b}*"] {
            let (found, result) = Search::new([folder.path().join(asked)]).survey();
            if found.inputs.is_empty() {
                continue;
            }
            let fault = format.map(|format| {
                format!(
                    "cannot decompress {}: the {format} data is cut off after 0 decompressed bytes; get a complete copy of the file",
                    path.display()
                )
            });
            assert_eq!(
                result.err().map(|error| error.to_string()),
                fault,
                "{name} {asked}"
            );
        }
        assert!(Search::new([path]).survey().0.inputs.len() == 1);
    }
}

/// A pattern looks only where it can match: not even at what it may not look at.
#[test]
fn patterns_are_pruned() {
    let folder = tree(&["a/x.jsonl", "b/x.jsonl"]);
    // A loop that a walk would stumble over.
    symlink("..", folder.path().join("b/loop")).unwrap();
    assert_eq!(
        found(&folder, &["*/x.jsonl"]).unwrap().0,
        ["a/x.jsonl", "b/x.jsonl"]
    );
    assert_eq!(found(&folder, &["a/**/x.jsonl"]).unwrap().0, ["a/x.jsonl"]);
    let text = message(found(&folder, &["**/x.jsonl"]));
    assert!(text.contains("leads back to"), "{text}");
}

#[test]
fn no_inputs_is_an_error() {
    let folder = tree(&[
        "x/.a",
        "x/.b/c.jsonl",
        "x/_SUCCESS",
        "x/a.csv",
        "x/b.csv",
        "y/",
    ]);
    let text = message(found(&folder, &["x"]));
    assert!(text.starts_with("no inputs in the folder /"), "{text}");
    assert!(
        text.contains("(left out: 2 hidden, 1 marker and 2 other files)"),
        "{text}"
    );
    let text = message(found(&folder, &["y"]));
    assert!(text.contains("(left out: nothing)"), "{text}");
    // However many others there are.
    assert!(found(&folder, &["x/a.csv", "y"]).is_err());
    assert!(found(&folder, &["x/a.csv", "z"]).is_err());
}

#[test]
fn links_are_followed_and_circles_are_not() {
    let folder = tree(&["real/a.jsonl", "in/b.jsonl", "in/deep/c.jsonl"]);
    let link = |to: &str, at: &str| symlink(to, folder.path().join(at)).unwrap();
    link("../real", "in/link");
    link("../in", "real/back");
    let text = message(found(&folder, &["in"]));
    let (from, to) = ("in/link/back leads back to ", "in, a folder that it is in;");
    assert!(text.contains(from) && text.contains(to), "{text}");
    fs::remove_file(folder.path().join("real/back")).unwrap();
    let (names, _) = found(&folder, &["in"]).unwrap();
    assert_eq!(names, ["in/b.jsonl", "in/deep/c.jsonl", "in/link/a.jsonl"]);
    // What a link leads to may be missing without harm if it would be left out.
    link("nowhere", "in/.#lock");
    link("nowhere", "in/x.tmp");
    assert_eq!(found(&folder, &["in"]).unwrap().1, [1, 1, 0]);
    link("nowhere", "in/elsewhere.#");
    link("elsewhere.#", "in/gone");
    let text = message(found(&folder, &["in/gone"]));
    let (from, to) = (
        "in/gone: it is a link to ",
        "/in/nowhere, which does not exist;",
    );
    assert!(text.contains(from) && text.contains(to), "{text}");
    fs::remove_file(folder.path().join("in/elsewhere.#")).unwrap();
    let text = message(found(&folder, &["in"]));
    assert!(text.contains("in/gone: it is a link to "), "{text}");
    assert_eq!(found(&folder, &["in/*.jsonl"]).unwrap().0, ["in/b.jsonl"]);
    let text = message(found(&folder, &["in/g*"]));
    assert!(text.contains("in/gone: it is a link to "), "{text}");
    fs::remove_file(folder.path().join("in/gone")).unwrap();
    link("self", "in/self");
    for name in ["in", "in/s*", "in/self"] {
        let text = message(found(&folder, &[name]));
        assert!(
            text.contains("in/self: it is a link that leads back"),
            "{text}"
        );
    }
}

#[test]
fn a_file_twice_is_an_error_unless_it_is_allowed() {
    let folder = tree(&["x/a.jsonl", "x/b.jsonl"]);
    let at = |name: &str| folder.path().join(name);
    fs::hard_link(at("x/a.jsonl"), at("hard.jsonl")).unwrap();
    symlink("x/b.jsonl", at("soft.jsonl")).unwrap();
    for (names, first, second) in [
        (
            &["x/a.jsonl", "x/a.jsonl"][..],
            "x/a.jsonl is an input twice",
            "",
        ),
        (
            &["x/../x/a.jsonl", "x"],
            "x/../x/a.jsonl and ",
            "x/a.jsonl are the same",
        ),
        (
            &["x/a.jsonl", "hard.jsonl"],
            "x/a.jsonl and ",
            "hard.jsonl are the same",
        ),
        (
            &["x", "soft.jsonl"],
            "x/b.jsonl and ",
            "soft.jsonl are the same",
        ),
        (&["x", "x/b*"], "x/b.jsonl is an input twice", ""),
        (&[""], "hard.jsonl and ", "x/a.jsonl are the same"),
    ] {
        let text = message(found(&folder, names));
        assert!(text.contains(first) && text.contains(second), "{text}");
    }
    let search = Search::new([at("x"), at("x/b*"), at("")]).allow_duplicates(true);
    let (names, _) = told(&folder, &search.find().unwrap());
    assert_eq!(
        names,
        [
            "x/a.jsonl",
            "x/b.jsonl",
            "x/b.jsonl",
            "hard.jsonl",
            "soft.jsonl",
            "x/a.jsonl",
            "x/b.jsonl"
        ]
    );
    let stdin_twice = Search::new(["-".into(), "-".into()]).allow_duplicates(true);
    assert!(matches!(stdin_twice.find(), Err(Error::StdinTwice)));
}

#[test]
fn what_is_no_regular_file_is_left_out_of_folders_alone() {
    let folder = tree(&["a.jsonl"]);
    let at = folder.path().join("pipe.jsonl");
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &at, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert_eq!(
        found(&folder, &[""]).unwrap(),
        (vec!["a.jsonl".to_owned()], [0, 0, 1])
    );
    let search = Search::new([at.clone()]).find().unwrap();
    assert_eq!((search.inputs.len(), search.inputs[0].file()), (1, None));
    // Of patterns too.
    for pattern in ["*", "**", "*.{jsonl,x}", "**/*", "./**/*"] {
        assert_eq!(
            found(&folder, &[pattern]).unwrap().1,
            [0, 0, 1],
            "{pattern}"
        );
    }
    let text = message(found(&folder, &["pipe.*"]));
    assert!(text.contains("(left out: 1 other file)"), "{text}");
    // Names are no patterns, for all the braces around them.
    let names = found(&folder, &["{a,pipe}.jsonl"]).unwrap().0;
    assert_eq!(names, ["a.jsonl", "pipe.jsonl"]);
    // Nothing makes it readable twice.
    let twice = Search::new([at.clone(), folder.path().join("./pipe.jsonl")]);
    for twice in [twice.clone(), twice.allow_duplicates(true)] {
        let text = message(twice.find());
        assert!(
            text.contains("is named twice, and a pipe can be read only once"),
            "{text}"
        );
    }
}

#[test]
fn the_first_fault_ends_the_search_of_a_folder() {
    // Every folder has links to all others: more ways through them than can be walked.
    const FOLDERS: usize = 12;
    let folder = tree(&["x.jsonl"]);
    for from in 0..FOLDERS {
        let place = folder.path().join(from.to_string());
        fs::create_dir(&place).unwrap();
        for to in (0..FOLDERS).filter(|to| *to != from) {
            symlink(format!("../{to}"), place.join(format!("to{to}"))).unwrap();
        }
    }
    for pattern in ["", "**/nothing.jsonl", "**", "[0-9]/**/nothing.jsonl"] {
        let search = Search::new([folder.path().join(pattern)]);
        let (found, result) = search.survey();
        assert!(matches!(result, Err(Error::InputLoop { .. })), "{pattern}");
        assert!(found.is_cut_short);
    }
}

#[test]
fn a_search_stops_when_it_is_asked_to() {
    let folder = tree(&["a/x.jsonl", "list"]);
    fs::write(folder.path().join("list"), "/\n").unwrap();
    let stop = Arc::new(AtomicUsize::new(15));
    for name in ["a", "*/x.jsonl", "**/x.jsonl", "{a,b}/x.jsonl"] {
        let search = Search::new([folder.path().join(name)]).stop_with(Arc::clone(&stop));
        let (found, result) = search.survey();
        assert!(found.inputs.is_empty() && found.is_cut_short);
        assert!(matches!(result, Err(Error::Stopped { signal: 15 })));
        let mut harvest = Harvest::new(&stop);
        harvest.walk(folder.path());
        assert!(matches!(harvest.fault, Some(Error::Stopped { .. })));
        let pattern = folder.path().join(name).into_os_string();
        let mut harvest = Harvest::new(&stop);
        harvest.pattern(&glob::parse(pattern.as_bytes()).unwrap()[0]);
        assert!(matches!(harvest.fault, Some(Error::Stopped { .. })) || name.starts_with('{'));
    }
    let list = List {
        path: folder.path().join("list"),
        separator: Separator::Newline,
    };
    let search = Search::new([]).with_list(Some(list)).stop_with(stop);
    assert!(matches!(search.find(), Err(Error::Stopped { signal: 15 })));
}

#[test]
fn names_that_are_none_make_short_messages() {
    let folder = tree(&["a.jsonl"]);
    let list = |text: &[u8], separator| {
        let path = folder.path().join("list");
        fs::write(&path, text).unwrap();
        let list = List { path, separator };
        message(Search::new([]).with_list(Some(list)).find())
    };
    let events = "{\"user_id\":1}\n".repeat(100_000);
    for (text, separator, hint) in [
        (
            events.as_bytes(),
            Separator::Nul,
            "; the list has no NUL bytes in it",
        ),
        (
            b"a.jsonl\0b.jsonl\0",
            Separator::Newline,
            "; the list has NUL bytes in it",
        ),
        (
            b"\x1f\x8b\x08\0\0",
            Separator::Newline,
            "; the list looks compressed (gzip)",
        ),
        (
            b"\x28\xb5\x2f\xfd\n\n",
            Separator::Nul,
            "; the list looks compressed (zstd)",
        ),
        (
            "x".repeat(300).as_bytes(),
            Separator::Newline,
            "too long for one (300 bytes)",
        ),
        ("x/".repeat(2000).as_bytes(), Separator::Newline, "x/x/"),
        (
            b"/nope.jsonl\r\n",
            Separator::Newline,
            "; the line ends with a carriage return, which is a part of the name so",
        ),
        (
            b"\xef\xbb\xbf/nope.jsonl\n",
            Separator::Newline,
            "; the list starts with a byte-order mark, which is a part of the first name so",
        ),
        (
            b"\xef\xbb\xbf/nope.jsonl\r\n",
            Separator::Newline,
            "first name so: save it without; the line ends with a carriage return",
        ),
        (
            b"/nope/*.jsonl\n",
            Separator::Newline,
            "; patterns are not expanded in a list",
        ),
        (
            b"/nope/{a,b}\0",
            Separator::Nul,
            "; patterns are not expanded in a list",
        ),
    ] {
        let text = list(text, separator);
        assert!(text.contains(hint) && text.len() < 1000, "{text}");
    }
    let pattern = folder.path().join("*x/".repeat(2000));
    assert!(message(Search::new([pattern]).find()).len() < 1000);
    let text = message(Search::new(["".into()]).find());
    assert!(text.starts_with("the name of an input is empty;"), "{text}");
    let list = List {
        path: folder.path().into(),
        separator: Separator::Newline,
    };
    let text = message(Search::new([]).with_list(Some(list)).find());
    assert!(
        text.contains(" is a folder, and a list has to be a file"),
        "{text}"
    );
}

#[test]
fn a_list_is_taken_by_its_bytes() {
    let folder = tree(&["a b.jsonl", "x/c.jsonl", "x/d.txt", "-", "*", "new\nline"]);
    let at = |name: &str| {
        folder
            .path()
            .join(name)
            .into_os_string()
            .into_encoded_bytes()
    };
    let odd = folder.path().join(OsStr::from_bytes(b"\xff\xfe"));
    fs::write(&odd, "").unwrap();
    let list = |text: &[u8], separator| {
        let path = folder.path().join("list");
        fs::write(&path, text).unwrap();
        Search::new([])
            .with_list(Some(List { path, separator }))
            .find()
    };
    let odd = odd.into_os_string().into_encoded_bytes();
    let names = [at("a b.jsonl"), at("x"), odd, Vec::new(), at("*")];
    let found = list(&names.join(&b'\n'), Separator::Newline).unwrap();
    let given: Vec<_> = found
        .inputs
        .iter()
        .map(|place| place.path().as_os_str().as_bytes())
        .collect();
    assert_eq!(
        given,
        [at("a b.jsonl"), at("x/c.jsonl"), names[2].clone(), at("*")]
    );
    assert_eq!(found.left_out.others, 1);
    let found = list(&[at("new\nline"), at("*")].join(&0), Separator::Nul).unwrap();
    assert_eq!(found.inputs.len(), 2);

    let text = message(list(
        &[at("*"), Vec::new(), at("nope*")].join(&b'\n'),
        Separator::Newline,
    ));
    assert!(text.starts_with("line 3 of the list /"), "{text}");
    assert!(
        text.contains("/list: cannot open /") && text.contains("nope*: no such file"),
        "{text}"
    );
    let text = message(list(&[at("*"), at("nope")].join(&0), Separator::Nul));
    assert!(text.starts_with("entry 2 of the list /"), "{text}");
    for (text, separator) in [
        ("", Separator::Newline),
        ("\n\n", Separator::Newline),
        ("\0", Separator::Nul),
    ] {
        let text = message(list(text.as_bytes(), separator));
        assert!(text.ends_with("/list names no inputs"), "{text}");
    }
    let text = message(list(&[at("*"), at("*")].join(&b'\n'), Separator::Newline));
    assert!(text.contains("is an input twice"), "{text}");
}

#[test]
fn what_was_found_before_a_fault_is_told() {
    let folder = tree(&["a.jsonl", "x/b.jsonl"]);
    let names = ["a.jsonl", "nope", "x"].map(|name| folder.path().join(name));
    let (found, result) = Search::new(names).survey();
    assert_eq!(told(&folder, &found).0, ["a.jsonl", "x/b.jsonl"]);
    assert!(message(result).contains("nope"));
}

/// The plainest way to say whether a path matches a pattern without braces: try everything.
fn matches(pattern: &[char], path: &[char]) -> bool {
    match pattern {
        [] => path.is_empty(),
        ['*', '*', '/', rest @ ..] => {
            // At the start of a component alone, as the patterns are made here.
            matches(rest, path)
                || (0..path.len()).any(|at| path[at] == '/' && matches(pattern, &path[at + 1..]))
        }
        ['*', '*'] => !path.is_empty(),
        ['*', rest @ ..] => {
            matches(rest, path)
                || path.first().is_some_and(|c| *c != '/') && matches(pattern, &path[1..])
        }
        ['?', rest @ ..] => path.first().is_some_and(|c| *c != '/') && matches(rest, &path[1..]),
        ['[', a, b, ']', rest @ ..] => {
            path.first().is_some_and(|c| c == a || c == b) && matches(rest, &path[1..])
        }
        [own, rest @ ..] => path.first() == Some(own) && matches(rest, &path[1..]),
    }
}

fn matches_text(pattern: &str, path: &str) -> bool {
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    matches(&chars(pattern), &chars(path))
}

/// Every path below a folder, folders too.
fn everything(folder: &Path, before: &str, all: &mut Vec<(String, bool)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{before}{}", entry.file_name().to_str().unwrap());
        let is_folder = entry.file_type().unwrap().is_dir();
        if is_folder {
            everything(&entry.path(), &format!("{name}/"), all);
        }
        all.push((name, is_folder));
    }
}

/// Whether a walk down from `root` takes a file.
fn is_walked_to(root: &str, path: &str) -> bool {
    let Some(below) = path.strip_prefix(root) else {
        return false;
    };
    let Some(below) = (if root.is_empty() {
        Some(below)
    } else {
        below.strip_prefix('/')
    }) else {
        return false;
    };
    let is_shown = |name: &str| !name.starts_with(['.', '_']);
    below.split('/').all(is_shown) && [".jsonl", ".json.gz"].iter().any(|end| path.ends_with(end))
}

/// The patterns without braces that one stands for; braces are not nested here.
fn written_out(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return vec![pattern.to_owned()];
    };
    let (inside, after) = rest.split_once('}').unwrap();
    inside
        .split(',')
        .flat_map(|one| written_out(&format!("{before}{one}{after}")))
        .collect()
}

/// Every alternative of a pattern with `**` is looked for, also in the folders that another one was
/// looked for in.
#[test]
fn alternatives_do_not_hide_each_other() {
    let folder = tree(&["g/a.jsonl", "g/x/b.jsonl.gz", "g/x/y/c.jsonl", "g/x/1.txt"]);
    for (pattern, names) in [
        (
            "g/**/*.{jsonl,jsonl.gz}",
            &["g/a.jsonl", "g/x/b.jsonl.gz", "g/x/y/c.jsonl"][..],
        ),
        (
            "g/**/*.jsonl{,.gz}",
            &["g/a.jsonl", "g/x/b.jsonl.gz", "g/x/y/c.jsonl"],
        ),
        ("g/**/{1,c}.*", &["g/x/1.txt", "g/x/y/c.jsonl"]),
        ("g/**/{x,y}/*.jsonl", &["g/x/y/c.jsonl"]),
        ("{g,g/x}/**/*.txt", &["g/x/1.txt"]),
    ] {
        assert_eq!(found(&folder, &[pattern]).unwrap().0, names, "{pattern}");
    }
}

/// Whether no component of a path is hidden, or a marker, from the root down.
fn is_shown(path: &str) -> bool {
    path.split('/').all(|name| !name.starts_with(['.', '_']))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn what_is_found_is_what_a_naive_reading_finds(
        files in prop::collection::btree_set(
            "([ab]|\\.a|_b)(/([ab]|\\.a|_b)){0,3}(\\.jsonl|\\.json\\.gz|\\.txt|\\.tmp)",
            1..25,
        ),
        pattern in "(\\*\\*/|a/|[ab*?]{1,2}/|\\[ab\\]/|\\{[ab],[ab*]\\}/|\\{\\*\\*,[ab]\\}/|\\{[ab]/,\\}|\\{,\\*\\*/\\}|[ab]\\{,\\*\\}/){0,3}\
            (\\*\\*|\\*|[ab?]|\\*\\.jsonl|[ab]\\.\\*|\\[ab\\]\\*|\\*\\.\\{jsonl,json\\.gz\\}|\\*\\.json\\{l,,\\.gz\\}|\\{a,b\\}\\.\\*|\\{\\*\\*,[ab]\\}|\\{[ab],\\*\\*/\\*\\.txt\\}|\\{a,b\\}\\{\\.\\*,\\})",
    ) {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let folder = tree(&files);
        let mut all = Vec::new();
        everything(folder.path(), "", &mut all);

        // The whole folder.
        let expected: BTreeSet<&str> =
            files.iter().copied().filter(|path| is_walked_to("", path)).collect();
        match found(&folder, &[""]) {
            Ok((names, _)) => prop_assert_eq!(names, expected.iter().copied().collect::<Vec<_>>()),
            Err(error) => {
                let is_none = matches!(error, Error::NoInputsInFolder { .. });
                prop_assert!(is_none && expected.is_empty());
            }
        }

        // A pattern: the files that match, and what is in the folders that match. A pattern that is
        // a name is that file or folder.
        let is_pattern = pattern.contains(['*', '?', '[', '{']);
        let mut expected = BTreeSet::new();
        // A name has to be there; another alternative that matches nothing is told.
        let (mut lacks_name, mut unmatched) = (false, BTreeSet::new());
        for pattern in written_out(&pattern) {
            let written = folder.path().join(&pattern);
            // Braces with nothing in them can leave a slash at the start.
            let pattern = pattern.replace("//", "/");
            let pattern = pattern.trim_start_matches('/');
            let matching: Vec<&(String, bool)> = all
                .iter()
                .filter(|(path, _)| matches_text(pattern, path) && is_shown(path))
                .collect();
            let before = expected.len();
            let its_own: Vec<&str> = files.iter().copied().filter(|path| {
                matching.iter().any(|(other, is_folder)| {
                    let walks = *is_folder && !pattern.ends_with("**");
                    if walks { is_walked_to(other, path) } else { other == path }
                })
            }).collect();
            if its_own.is_empty() && !pattern.contains(['*', '?', '[']) {
                lacks_name = true;
            } else if its_own.is_empty() {
                unmatched.insert(written);
            }
            expected.extend(its_own);
            prop_assert!(expected.len() >= before);
        }
        match Search::new([folder.path().join(&pattern)]).find() {
            Ok(found) => {
                let told_of: BTreeSet<PathBuf> = found.unmatched.first.iter().cloned().collect();
                prop_assert_eq!(
                    told(&folder, &found).0,
                    expected.iter().copied().collect::<Vec<_>>(), "{}", pattern
                );
                prop_assert!(!lacks_name, "{}", pattern);
                // Of many the first are told of.
                if found.unmatched.first.len() < Unmatched::MOST {
                    prop_assert_eq!(told_of, unmatched, "{}", pattern);
                } else {
                    prop_assert!(told_of.is_subset(&unmatched), "{}", pattern);
                }
            }
            Err(error) => {
                prop_assert!(
                    expected.is_empty() || lacks_name, "{} {:?}: {}", pattern, expected, error
                );
                let is_plain = matches!(
                    error,
                    Error::NoMatch { .. } | Error::Io { .. } | Error::NoInputsInFolder { .. }
                );
let is_no_match = matches!(error, Error::NoMatch { .. });
                prop_assert!(is_plain && (is_pattern || !is_no_match));
            }
        }
    }
}
