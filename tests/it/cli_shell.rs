//! What the program makes for shells: completions, man pages, the version. The shells and readers of man
//! pages that are there are asked what they make of it; without them the test says that it skips.

use std::process::{Command, Stdio};

use crate::harness::{Run, Sandbox};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// Whether a program is there to be asked.
fn is_there(name: &str) -> bool {
    let found = Command::new(name)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        eprintln!("skipped: there is no {name}");
    }
    found.is_ok()
}

/// Runs a script in a shell that has the completions; its words, without doubles.
fn completed(sandbox: &Sandbox, shell: &str, script: &str) -> Vec<String> {
    let completions = sandbox.run(["completions", shell]);
    completions.expect_code(0);
    sandbox.write("completions", &completions.stdout);
    let mut command = Command::new(shell);
    match shell {
        "bash" => command.args(["--noprofile", "--norc", "-c"]),
        "fish" => command.args(["--no-config", "-c"]),
        _ => command.args(["-f", "-c"]),
    };
    command.arg(script).current_dir(sandbox.root());
    let run = Run::of(command);
    run.expect_code(0);
    assert_eq!(run.stderr, "", "{shell}");
    run.stdout_text()
        .split_whitespace()
        .map(Into::into)
        .collect()
}

#[test]
fn every_shell_gets_a_script() {
    let sandbox = Sandbox::new();
    for shell in SHELLS {
        let run = sandbox.run(["completions", shell]);
        run.expect_code(0);
        for word in ["aggregate", "explain", "generate", "max-invalid", "lanes"] {
            assert!(run.stdout_text().contains(word), "{shell}: {word}");
        }
    }
    let run = sandbox.run(["completions", "tcsh"]);
    run.expect_code(2)
        .expect_stderr("bash, elvish, fish, powershell, zsh");
}

#[test]
fn bash_completes() {
    if !is_there("bash") {
        return;
    }
    let sandbox = Sandbox::new();
    // Where there is nothing else, it completes files.
    let script = "source ./completions; complete -p daytally";
    assert!(completed(&sandbox, "bash", script).contains(&"default".into()));
    for (typed, expected) in [
        (&["daytally", "agg"][..], &["aggregate"][..]),
        (
            &["daytally", "aggregate", "--max-"],
            &["--max-line-bytes", "--max-invalid"],
        ),
        (
            &["daytally", "aggregate", "--lanes", ""],
            &["all", "general"],
        ),
        (&["daytally", "generate", "--profile", "n"], &["narrow"]),
    ] {
        // As readline calls it: the command, the word, and the word before.
        let [.., before, word] = typed else { panic!() };
        let script = format!(
            "source ./completions; COMP_WORDS=({}); COMP_CWORD={}; _daytally daytally '{word}' '{before}'; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            typed.join(" "),
            typed.len() - 1
        );
        assert_eq!(completed(&sandbox, "bash", &script), expected, "{typed:?}");
    }
}

#[test]
fn fish_completes() {
    if !is_there("fish") {
        return;
    }
    let sandbox = Sandbox::new();
    for (typed, expected) in [
        ("daytally agg", "aggregate"),
        ("daytally aggregate --max-i", "--max-invalid"),
        ("daytally aggregate --lanes gen", "general"),
    ] {
        let script = format!("source ./completions; complete --do-complete '{typed}'");
        let words = completed(&sandbox, "fish", &script);
        assert_eq!(words.first().map(String::as_str), Some(expected), "{typed}");
    }
}

#[test]
fn zsh_takes_the_script() {
    if !is_there("zsh") {
        return;
    }
    let sandbox = Sandbox::new();
    let script = "autoload -U compinit; compinit -D -u; source ./completions; \
                  echo $_comps[daytally]; whence -w _daytally__subcmd__aggregate_commands _daytally_commands";
    let words = completed(&sandbox, "zsh", script);
    assert!(words.contains(&"_daytally".into()), "{words:?}");
    assert!(words.contains(&"function".into()), "{words:?}");
}

#[test]
fn man_pages_for_every_command() {
    let sandbox = Sandbox::new();
    sandbox.run(["man", "share/man1"]).expect_code(0);
    let mut names: Vec<_> = std::fs::read_dir(sandbox.path("share/man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let help = sandbox.run(["-h"]);
    let (_, commands) = help.stdout_text().split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let mut expected: Vec<String> = commands
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(|name| format!("daytally-{name}.1"))
        .chain(["daytally.1".into()])
        .collect();
    expected.sort();
    assert_eq!(names, expected);

    let main = sandbox.text("share/man1/daytally.1");
    for part in [
        "EXIT STATUS",
        "ENVIRONMENT",
        "FILES",
        "daytally\\-aggregate(1)",
    ] {
        assert!(main.contains(part), "{part}");
    }
    // The same on every machine.
    assert!(!main.contains("SIMD"));
    for name in &names {
        let page = sandbox.text(format!("share/man1/{name}"));
        assert!(!page.contains("daytally\\-help"), "{name}");
        let lint = ["groff", "mandoc"]
            .into_iter()
            .filter(|reader| is_there(reader));
        for reader in lint {
            let mut command = Command::new(reader);
            match reader {
                "groff" => command.args(["-man", "-Tutf8", "-ww", "-z"]),
                _ => command.args(["-Tlint", "-Werror"]),
            };
            command.arg(sandbox.path(format!("share/man1/{name}")));
            let run = Run::of(command);
            run.expect_code(0);
            assert_eq!(run.stderr, "", "{reader} of {name}");
        }
    }

    // What is there is replaced; what cannot be written is told.
    sandbox.run(["man", "share/man1"]).expect_code(0);
    sandbox.write("file", "");
    sandbox
        .run(["man", "file"])
        .expect_code(1)
        .expect_stderr("file");
    sandbox
        .run(["man", "file/below"])
        .expect_code(1)
        .expect_stderr("below");
}

#[test]
fn version_tells_what_is_built_in() {
    let sandbox = Sandbox::new();
    let first = format!("daytally {}\n", env!("CARGO_PKG_VERSION"));
    let short = sandbox.run(["-V"]);
    short.expect_code(0);
    assert_eq!(short.stdout_text(), first);
    let long = sandbox.run(["--version"]);
    long.expect_code(0);
    let text = long.stdout_text();
    assert!(text.starts_with(&first), "{text}");
    assert!(text.contains("features: +gzip"), "{text}");
    assert!(text.contains("\nSIMD:     "), "{text}");
}

#[test]
fn did_you_mean() {
    let sandbox = Sandbox::new();
    for (args, meant) in [
        (&["agregate"][..], "'aggregate'"),
        (&["aggregate", "--max-invalids", "1"], "'--max-invalid'"),
        (&["aggregate", "--lanes", "generl"], "'general'"),
    ] {
        sandbox.run(args).expect_code(2).expect_stderr(meant);
    }
}
