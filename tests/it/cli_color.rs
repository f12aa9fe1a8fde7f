//! Colours: who decides whether there are any.

use crate::harness::{CLICK, Run, Sandbox};

const ESC: char = '\u{1b}';

/// The streams of a run with some arguments and some of an environment.
fn run(args: &[&str], environment: &[(&str, &str)]) -> Run {
    let sandbox = Sandbox::with_events(format!("{CLICK}\nx\n"));
    let mut command = sandbox.program();
    command.args(args).envs(environment.iter().copied());
    Run::of(command)
}

/// What every command says for people, and with which exit code; on either stream.
const ALL: [(&[&str], i32); 6] = [
    (&["aggregate"], 0),
    (&["aggregate", "no.jsonl"], 1),
    (&["aggregate", "--frmo=1"], 2),
    (&["explain", "events.jsonl:2"], 0),
    (&["--help"], 0),
    (&["generate", "--lines=1", "--size=1"], 2),
];

#[track_caller]
fn expect_colors(args: &[&str], environment: &[(&str, &str)], code: i32, are_there: bool) {
    let run = run(args, environment);
    run.expect_code(code);
    let text = run.stderr.clone() + run.stdout_text();
    assert_eq!(
        text.contains(ESC),
        are_there,
        "{args:?} {environment:?}: {text}"
    );
}

#[test]
fn there_are_none_in_a_pipe_unless_asked_for() {
    for (args, code) in ALL {
        expect_colors(args, &[], code, false);
        let asked_for: Vec<&str> = ["--color=always"].iter().chain(args).copied().collect();
        // The summary has colours of its own, later.
        expect_colors(&asked_for, &[("NO_COLOR", "1")], code, true);
        expect_colors(args, &[("CLICOLOR_FORCE", "1")], code, true);
        expect_colors(args, &[("DAYTALLY_COLOR", "Always")], code, true);
    }
}

#[test]
fn the_command_line_wins_over_the_environment_and_no_color_over_the_rest() {
    let args = ["explain", "events.jsonl:2"];
    let force = ("CLICOLOR_FORCE", "1");
    for (environment, are_there) in [
        (&[("CLICOLOR_FORCE", "0")][..], false),
        (&[("CLICOLOR", "1")], false),
        (&[force, ("NO_COLOR", "1")], false),
        // Set to nothing is not set.
        (&[force, ("NO_COLOR", "")], true),
        (&[force, ("CLICOLOR", "0")], true),
        (&[force, ("DAYTALLY_COLOR", "")], true),
        (&[force, ("DAYTALLY_COLOR", "never")], false),
        (&[force, ("TERM", "dumb")], true),
    ] {
        expect_colors(&args, environment, 0, are_there);
    }
    for place in [
        &["--color", "never", "explain", "events.jsonl:2"][..],
        &["explain", "--color=never", "events.jsonl:2"],
        &["explain", "events.jsonl:2", "--color", "NEVER"],
    ] {
        expect_colors(place, &[force, ("DAYTALLY_COLOR", "always")], 0, false);
    }
}

#[test]
fn a_choice_that_is_none_is_wrong_use() {
    for (args, environment) in [
        (&["--color=blue", "explain", "-"][..], &[][..]),
        (&["explain", "-"], &[("DAYTALLY_COLOR", "blue")]),
    ] {
        let run = run(args, environment);
        run.expect_code(2).expect_stderr("auto, always, never");
    }
}
