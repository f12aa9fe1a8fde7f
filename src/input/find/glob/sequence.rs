//! Sequences in braces, as bash has them: `{1..31}`, `{01..12}`, `{0..23..6}`, `{a..e}`.

/// Numbers or letters one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    from: i128,
    to: i128,
    /// How far it is to the next, whatever the direction.
    step: i128,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Letters of one case. (bash has more, and with them the characters between the cases.)
    Letters,
    /// Numbers, filled up with zeros to so many characters, the sign one of them.
    Numbers { width: usize },
}

impl Sequence {
    /// What is between the braces; `None` if that is no sequence.
    pub(super) fn parse(inside: &[u8]) -> Option<Sequence> {
        let mut parts = std::str::from_utf8(inside).ok()?.split("..");
        let (from, to, step) = (parts.next()?, parts.next()?, parts.next());
        if parts.next().is_some() {
            return None;
        }
        // In any direction, and by one if by nothing.
        let step = step.map_or(Some(1), number)?.abs().max(1);
        let (kind, from, to) = match (from.as_bytes(), to.as_bytes()) {
            ([from @ b'a'..=b'z'], [to @ b'a'..=b'z'])
            | ([from @ b'A'..=b'Z'], [to @ b'A'..=b'Z']) => {
                (Kind::Letters, i128::from(*from), i128::from(*to))
            }
            _ => {
                let is_filled = |text: &str| {
                    let digits = text.strip_prefix('-').unwrap_or(text);
                    digits.len() > 1 && digits.starts_with('0')
                };
                let width = if is_filled(from) || is_filled(to) {
                    from.len().max(to.len())
                } else {
                    0
                };
                (Kind::Numbers { width }, number(from)?, number(to)?)
            }
        };
        Some(Sequence {
            from,
            to,
            step,
            kind,
        })
    }

    /// How many there are.
    pub(super) fn len(self) -> u128 {
        ((self.to - self.from).abs() / self.step).unsigned_abs() + 1
    }

    /// What it stands for, in order.
    pub(super) fn iter(self) -> impl Iterator<Item = Vec<u8>> {
        let step = self.step * (self.to - self.from).signum();
        (0..self.len()).scan(self.from, move |next, _| {
            let one = *next;
            *next += step;
            Some(match self.kind {
                Kind::Letters => u8::try_from(one).into_iter().collect(),
                Kind::Numbers { width } => format!("{one:0width$}").into_bytes(),
            })
        })
    }
}

fn number(text: &str) -> Option<i128> {
    text.parse::<i64>().ok().map(i128::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written_out(inside: &str) -> Option<String> {
        let sequence = Sequence::parse(inside.as_bytes())?;
        let all: Vec<String> = sequence
            .iter()
            .map(|one| String::from_utf8(one).unwrap())
            .collect();
        assert_eq!(all.len() as u128, sequence.len());
        Some(all.join(" "))
    }

    #[test]
    fn sequences_are_those_of_bash() {
        let insides = [
            "1..3",
            "3..1",
            "1..1",
            "01..12",
            "1..003",
            "-01..2",
            "-2..2",
            "0..23..6",
            "5..1..2",
            "1..5..-2",
            "1..3..0",
            "+1..3",
            "a..e",
            "e..a",
            "A..E..2",
            "a..a",
            "00..5",
            "0..2",
            "-0..1",
            "-10..-08",
            "1..10..100",
            "9..10",
            "1..x",
            "1..",
            "..3",
            "1..2..3..4",
            "1.5..2",
            "ab..ac",
            "a..e..x",
            "1...3",
            "x",
            "",
            "99999999999999999999..1",
        ];
        for inside in insides {
            let output = std::process::Command::new("bash")
                .args(["--norc", "-c", &format!("echo {{{inside}}}")])
                .env("LC_ALL", "C.UTF-8")
                .output();
            let Ok(output) = output else {
                // There is none.
                return;
            };
            let theirs = String::from_utf8(output.stdout).unwrap();
            let ours = written_out(inside).unwrap_or_else(|| format!("{{{inside}}}"));
            assert_eq!(ours, theirs.trim_end(), "{inside}");
        }
    }

    #[test]
    fn the_largest_are_counted() {
        let all = format!("{}..{}", i64::MIN, i64::MAX);
        let all = Sequence::parse(all.as_bytes()).unwrap();
        assert_eq!(all.len(), 1 << 64);
        let few = format!("{}..{}..{}", i64::MIN, i64::MAX, i64::MAX);
        assert!(written_out(&few).unwrap().ends_with(" 9223372036854775806"));
        // Between the cases there is more than letters.
        assert_eq!(written_out("a..E"), None);
    }
}
