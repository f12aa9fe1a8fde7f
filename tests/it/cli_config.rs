//! Config files: where they are found, what wins, what is told of wrong ones, and `daytally config`.

use std::process::Command;

use serde_json::Value;

use crate::harness::{CLICK, CLICK_CSV, Run, Sandbox, json_lines, program_in, text_of};

/// What `daytally config --json ARGS` says of an option: its value and where that is from.
#[track_caller]
fn holds(mut program: Command, args: &[&str], option: &str) -> (String, String) {
    program.args(["config", "--json"]).args(args);
    let run = Run::of(program);
    run.expect_code(0);
    let shown: Value = serde_json::from_str(run.stdout_text()).unwrap();
    let options = shown["options"].as_array().unwrap();
    let row = options
        .iter()
        .find(|row| text_of(row, "option") == option)
        .unwrap_or_else(|| panic!("no {option} in {shown}"));
    (text_of(row, "value").into(), text_of(row, "from").into())
}

/// A sandbox with a config file in each of the usual places, and the program as it finds them.
fn everywhere() -> (Sandbox, impl Fn() -> Command) {
    let sandbox = Sandbox::with_events(CLICK);
    for place in ["first", "second", "user"] {
        std::fs::create_dir_all(sandbox.path(format!("{place}/daytally"))).unwrap();
    }
    let (first, second) = (sandbox.path("first"), sandbox.path("second"));
    let dirs = std::env::join_paths([first, second]).unwrap();
    let home = sandbox.path("user");
    let program = {
        let root = sandbox.root().to_path_buf();
        move || {
            let mut program = program_in(&root);
            program
                .env("XDG_CONFIG_DIRS", &dirs)
                .env("XDG_CONFIG_HOME", &home);
            program
        }
    };
    (sandbox, program)
}

#[test]
fn the_nearer_wins() {
    let (sandbox, program) = everywhere();
    let place = |file: &str, line: usize| format!("{}:{line}", sandbox.path(file).display());
    assert_eq!(
        holds(program(), &[], "chunk-size"),
        ("4MiB".into(), "default".into())
    );
    for (file, size) in [
        ("second/daytally/config.toml", "1KiB"),
        ("first/daytally/config.toml", "2KiB"),
        ("user/daytally/config.toml", "3KiB"),
        ("daytally.toml", "4KiB"),
    ] {
        sandbox.write(file, format!("# the size\nchunk-size = \"{size}\"\n"));
        assert_eq!(
            holds(program(), &[], "chunk-size"),
            (size.into(), place(file, 2))
        );
    }
    // A table is about one command, and the top about all; the nearer file has the say over both.
    sandbox.write(
        "user/daytally/config.toml",
        "[aggregate]\nchunk-size = \"9KiB\"\nthreads = 3\n",
    );
    assert_eq!(holds(program(), &[], "chunk-size").0, "4KiB");
    assert_eq!(
        holds(program(), &[], "threads"),
        ("3".into(), place("user/daytally/config.toml", 3))
    );
    sandbox.write(
        "daytally.toml",
        "chunk-size = \"4KiB\"\nmax-line-bytes = 100\n[aggregate]\nchunk-size = \"5KiB\"\n",
    );
    assert_eq!(holds(program(), &[], "chunk-size").0, "5KiB");
    for command in ["aggregate", "explain"] {
        assert_eq!(holds(program(), &[command], "max-line-bytes").0, "100");
    }
    // The environment over files, the command line over it.
    let mut from_environment = program();
    from_environment.env("DAYTALLY_CHUNK_SIZE", "6KiB");
    assert_eq!(
        holds(from_environment, &[], "chunk-size"),
        ("6KiB".into(), "DAYTALLY_CHUNK_SIZE".into())
    );
    let mut typed = program();
    typed.env("DAYTALLY_CHUNK_SIZE", "6KiB");
    assert_eq!(
        holds(
            typed,
            &["aggregate", "--chunk-size", "7KiB", "x.jsonl"],
            "chunk-size"
        ),
        ("7KiB".into(), "command line".into())
    );

    // One file by name, and none at all.
    sandbox.write("own.toml", "chunk-size = \"8KiB\"\n");
    let named = |program: Command, args: &[&str]| {
        let mut program = program;
        program.args(args);
        holds(program, &[], "chunk-size").0
    };
    assert_eq!(named(program(), &["--config", "own.toml"]), "8KiB");
    assert_eq!(named(program(), &["--no-config"]), "4MiB");
    let mut by_environment = program();
    by_environment.env("DAYTALLY_CONFIG", "own.toml");
    assert_eq!(named(by_environment, &[]), "8KiB");
    let mut unset = program();
    unset
        .env("DAYTALLY_CONFIG", "")
        .env("DAYTALLY_NO_CONFIG", "1");
    assert_eq!(named(unset, &[]), "4MiB");
}

#[test]
fn a_run_does_what_the_file_says() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\nx\n"));
    sandbox.write(
        "daytally.toml",
        "[aggregate]\noutput = \"out.csv\"\nrejects = \"bad.jsonl\"\nlog-format = \"json\"\n\
         log-level = \"info\"\nfrom = 2024-01-01\nto = \"2024-01-01\"\nno-mmap = true\n",
    );
    let run = sandbox.aggregate([] as [&str; 0]);
    run.expect_code(0);
    assert_eq!(sandbox.text("out.csv"), CLICK_CSV);
    assert_eq!(json_lines(&sandbox.text("bad.jsonl")).len(), 1);
    // The log says where options come from.
    let told = &json_lines(&run.stderr)[0];
    assert_eq!(
        text_of(told, "file"),
        sandbox.path("daytally.toml").display().to_string()
    );

    // Without it nothing of that holds.
    let run = sandbox.aggregate(["--no-config"]);
    run.expect_code(0).expect_stderr("WARN");
    assert_eq!(sandbox.csv(), CLICK_CSV);

    // Wrong use is what is typed: what a file says is meant for other runs too.
    sandbox.write(
        "daytally.toml",
        "[aggregate]\nverify = \"full\"\nnull = true\n",
    );
    sandbox.aggregate([] as [&str; 0]).expect_code(0);
}

/// Options that contradict each other: the one from nearer holds.
#[test]
fn what_is_typed_contradicts_the_file() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\nx\n"));
    sandbox.write("daytally.toml", "log-level = \"error\"\nlines = 3\n");
    let loud = sandbox.aggregate(["-v"]);
    loud.expect_code(0)
        .expect_stderr("INFO")
        .expect_stderr("WARN");
    let quiet = sandbox.aggregate([] as [&str; 0]);
    assert!(!quiet.stderr.contains("WARN"), "{}", quiet.stderr);
    sandbox.write("daytally.toml", "quiet = true\nlines = 3\n");
    let quiet = sandbox.aggregate([] as [&str; 0]);
    assert_eq!(quiet.stderr, "");
    sandbox.aggregate(["-v"]).expect_stderr("INFO");
    // What is typed twice is wrong use no longer: -q says less than -v.
    assert_eq!(sandbox.aggregate(["-v", "-q"]).stderr, "");

    assert_eq!(
        sandbox
            .generate([] as [&str; 0])
            .split(|b| *b == b'\n')
            .count(),
        4
    );
    let sized = sandbox.generate(["--size", "1000"]);
    assert!((1000..1200).contains(&sized.len()));
    sandbox.write("daytally.toml", "size = 5\nlines = 3\n");
    sandbox
        .run(["generate"])
        .expect_code(2)
        .expect_stderr("either --lines or --size");
}

#[test]
fn what_is_wrong_is_told_with_file_and_line() {
    let sandbox = Sandbox::with_events(CLICK);
    for (text, line, part) in [
        ("\nthread = 3", 2, "perhaps threads is meant"),
        ("max_invalid = \"1%\"", 1, "perhaps max-invalid is meant"),
        (
            "[aggregate]\nlines = 1",
            2,
            "aggregate has no option \"lines\"",
        ),
        ("[agregate]\nquiet = true", 1, "no command \"agregate\""),
        ("[agregate]", 1, "no command \"agregate\""),
        ("threads = 0", 1, "give a whole number from 1 to 1024"),
        ("lanes = \"fast\"", 1, "there are all, general"),
        ("quiet = 1", 1, "give true or false"),
        ("threads = true", 1, "it takes a value"),
        ("threads = [1]", 1, "not a list"),
        ("threads.x = 1", 1, "no command \"threads\""),
        ("[aggregate]\nthreads.x = 1", 2, "not a table"),
        ("verbose = 1000", 1, "from 0 to 255"),
        (
            "config = \"other.toml\"",
            1,
            "cannot be set in a config file",
        ),
        ("from = 2023-02-29", 1, "TOML"),
        ("from = 2023-01-01T00:00:00Z", 1, "YYYY-MM-DD"),
        ("a = 1\nb", 2, "no TOML"),
        ("\"\\u001b[31m\" = 1", 1, "\\u001b[31m"),
        // A name at the top has to suit all commands that have it.
        ("json = 3", 1, "give true or false"),
    ] {
        sandbox.write("daytally.toml", text);
        for args in [
            &["aggregate"][..],
            &["config"],
            &["generate", "--lines", "1"],
        ] {
            let run = sandbox.run(args);
            let place = format!("daytally.toml:{line}: ");
            run.expect_code(2).expect_stderr(&place).expect_stderr(part);
            assert!(run.stdout.is_empty(), "{text}");
        }
    }
    assert_eq!(sandbox.names(), ["daytally.toml", "events.jsonl"]);

    // Help is there all the same.
    sandbox.run(["aggregate", "--help"]).expect_code(0);
}

#[test]
fn a_named_file_has_to_be_there() {
    let sandbox = Sandbox::with_events(CLICK);
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    for (name, part) in [
        ("missing.toml", "no such file or folder"),
        ("folder", "it is a folder"),
        ("/dev/zero", "more than 1 MiB"),
    ] {
        let run = sandbox.aggregate(["--config", name]);
        run.expect_code(1).expect_stderr(name).expect_stderr(part);
        // Asked for nothing of it, it does not have to be.
        sandbox
            .aggregate(["--config", name, "--no-config"])
            .expect_code(0);
    }
}

#[test]
fn config_is_for_people_too() {
    let sandbox = Sandbox::new();
    sandbox.write("daytally.toml", "[state]\njson = true\n");
    let run = sandbox.run(["config", "state"]);
    run.expect_code(0);
    let expected = format!(
        "config files, of which the later ones win:\n  \
           /nonexistent/daytally/config.toml  (not there)\n  \
           /nonexistent/daytally/config.toml  (not there)\n  \
           {root}/daytally.toml\n\n\
         daytally state:\n  \
           check  false  default\n  \
           json   true   {root}/daytally.toml:2\n  \
           color  auto   default\n",
        root = sandbox.root().display()
    );
    assert_eq!(run.stdout_text(), expected);

    let run = sandbox.run(["--no-config", "config", "generate", "--users", "5"]);
    run.expect_code(0);
    assert!(run.stdout_text().starts_with("no config files are read\n"));
    assert!(
        run.stdout_text()
            .contains("  users         5       command line\n")
    );
    assert!(run.stdout_text().ends_with("  not set: lines, size\n"));

    // Wrong arguments are told as the command itself would.
    sandbox
        .run(["config", "generate", "--usrs", "5"])
        .expect_code(2)
        .expect_stderr("--users");
    sandbox
        .run(["config", "generat"])
        .expect_code(2)
        .expect_stderr("generate");
}

/// Every option of every command is shown.
#[test]
fn all_options_are_shown() {
    let sandbox = Sandbox::new();
    for command in ["aggregate", "explain", "state", "generate"] {
        let run = sandbox.run(["config", "--json", command]);
        run.expect_code(0);
        let shown: Value = serde_json::from_str(run.stdout_text()).unwrap();
        let count = shown["options"].as_array().unwrap().len();
        let help = sandbox.run([command, "-h"]);
        let named = help
            .stdout_text()
            .lines()
            .filter(|line| line.trim_start().starts_with('-'))
            .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")))
            .filter(|name| !["--help", "--config", "--no-config"].contains(name))
            .count();
        assert_eq!(count, named, "{command}");
    }
}

/// A home that this user may not look into, as under sudo or cron, has no config file for it.
#[test]
fn homes_of_others_are_passed_over() {
    use std::os::unix::fs::PermissionsExt as _;

    let sandbox = Sandbox::with_events(CLICK);
    let home = sandbox.path("home");
    std::fs::create_dir_all(home.join(".config/daytally")).unwrap();
    std::fs::write(home.join(".config/daytally/config.toml"), "oops").unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o000)).unwrap();
    let may_look = std::fs::read_dir(&home).is_ok();
    let mut command = sandbox.program();
    command
        .args(["aggregate", "-q"])
        .env("HOME", &home)
        .env_remove("XDG_CONFIG_HOME");
    let run = Run::of(command);
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).unwrap();
    if may_look {
        // The superuser may look anywhere, and finds that the file is none.
        eprintln!("homes_of_others_are_passed_over checks less: it runs as the superuser");
        run.expect_code(2);
    } else {
        run.expect_code(0);
    }
}

/// A pipe that nobody writes to is no config file to wait for.
#[test]
fn pipes_are_no_config_files() {
    let sandbox = Sandbox::with_events(CLICK);
    crate::harness::fifo(&sandbox, "daytally.toml");
    let mut command = sandbox.program();
    command.args(["aggregate", "-q"]);
    Run::of(command)
        .expect_code(1)
        .expect_stderr("daytally.toml: it is a pipe");
}
