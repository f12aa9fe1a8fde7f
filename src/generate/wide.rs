//! The wide profile: the four fields anywhere among nested objects, arrays and text in many scripts.

use super::draft::{Draft, Field};
use super::rng::Stream;
use super::text::{pair, push_hex, push_number};

/// User agents, as JSON text without the quotes.
const USER_AGENTS: [&str; 8] = [
    r"Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Firefox/125.0",
    r"Mozilla/5.0 (Windows NT 10.0; Win64; x64) \u0022Chrome\u0022/124.0.0.0",
    r#"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4) \"Mobile\""#,
    r#"shop-app/7.2 (Android 14; \"Pixel 8\"; build=\"2024.04\")"#,
    r"curl/8.7.1",
    r"kiosk\\terminal-12/3.0 (C:\\Program Files\\Kiosk)",
    r"Mozilla/5.0 (Macintosh; Intel Mac OS X) Safari\/605.1.15",
    r#"Опера/99.0 (\"настольная\")"#,
];

/// Where a request came from, as members of an object.
const PLACES: [&str; 8] = [
    r#""country":"DE","city":"Köln","lat":50.9375,"lon":6.9603"#,
    r#""country":"JP","city":"東京","lat":35.6762,"lon":139.6503"#,
    r#""country":"US","city":"Winston\u002dSalem","lat":36.0999,"lon":-80.2442"#,
    r#""country":"BR","city":"S\u00e3o Paulo","lat":-23.5505,"lon":-46.6333"#,
    r#""country":"IN","city":"मुंबई","lat":19.076,"lon":72.8777"#,
    r#""country":"GR","city":"Θεσσαλονίκη","lat":40.6401,"lon":22.9444"#,
    r#""country":"FR","city":"L'Haÿ-les-Roses","lat":4.87792e1,"lon":2.3374"#,
    r#""country":null,"city":null,"lat":0.0,"lon":-0.0"#,
];

/// Tags, as JSON values.
const TAGS: [&str; 12] = [
    r#""sale""#,
    r#""new""#,
    r#""été""#,
    r#""two words""#,
    r#""\"quoted\"""#,
    r#""back\\slash""#,
    r#""\ud83d\udecd""#,
    r#""🛒""#,
    r#""a\/b""#,
    r#""line\nbreak""#,
    r#""{\"amount\":1}""#,
    r#""""#,
];

/// Members that come and go. Some hold the keys of an event, but nested or inside a string, where they
/// do not count.
const EXTRAS: [&str; 14] = [
    r#""referrer":null"#,
    r#""referrer":"https:\/\/shop.example\/?q=caf\u00e9&page=2""#,
    r#""beta":true"#,
    r#""beta":false,"cohort":"B""#,
    r#""note":"he said \"user_id\": 7, \"amount\": 0""#,
    r#""title":"Ünïcödé — \u201cquoted\u201d","price":{"amount":-1,"currency":"EUR"}"#,
    r#""cart":{"items":[{"sku":"A-1042","amount":3},{"sku":"B\\7","amount":"1"}],"coupon":null}"#,
    r#""cart":{"items":[],"coupon":"WELCOME\t10"}"#,
    r#""ab":[{"test":"checkout","arm":1},{"test":"hero","arm":0}]"#,
    r#""parent":{"user_id":"none","event_type":"purchase","timestamp":"never","amount":"free"}"#,
    r#""metrics":{"ttfb":0.182,"load":1.25e3,"cls":0,"errors":[]}"#,
    r#""viewport":[1920,1080],"dpr":1.5"#,
    r#""path":"C:\\users\\event_type\\""#,
    r#""matrix":[[1,2],[3,[4,[5]]]],"empty":{}"#,
];

/// A member of the line's object.
#[derive(Clone, Copy)]
enum Member {
    Field(Field),
    Context,
    Session,
    Tags,
    Extra(&'static str),
}

/// Writes a draft's line, without its line end.
pub(super) fn write_draft(draft: &Draft, rng: &mut Stream, buf: &mut Vec<u8>) {
    let mut members = [Member::Context; 8];
    let mut count = 1;
    let mut add = |member| {
        members[count] = member;
        count += 1;
    };
    if rng.one_in(2) {
        add(Member::Session);
    }
    if rng.one_in(3) {
        add(Member::Tags);
    }
    if rng.one_in(3) {
        add(Member::Extra(rng.pick(&EXTRAS)));
    }
    for (field, _) in draft.fields() {
        add(Member::Field(field));
    }
    let members = &mut members[..count];
    rng.shuffle(members);

    let mut separator = b'{';
    for member in members {
        buf.push(separator);
        separator = b',';
        match *member {
            Member::Field(field) => {
                buf.push(b'"');
                buf.extend_from_slice(field.key());
                buf.extend_from_slice(b"\":");
                buf.extend_from_slice(draft.get(field).unwrap_or(b"null"));
            }
            Member::Context => push_context(buf, rng),
            Member::Session => push_session(buf, rng),
            Member::Tags => push_tags(buf, rng),
            Member::Extra(text) => buf.extend_from_slice(text.as_bytes()),
        }
    }
    buf.push(b'}');
}

fn push_context(buf: &mut Vec<u8>, rng: &mut Stream) {
    let [a, b, c, ..] = rng.word().to_le_bytes();
    buf.extend_from_slice(b"\"context\":{\"ip\":\"10.");
    push_number(buf, u64::from(a));
    buf.push(b'.');
    push_number(buf, u64::from(b));
    buf.push(b'.');
    push_number(buf, u64::from(c));
    buf.extend_from_slice(b"\",\"user_agent\":\"");
    buf.extend_from_slice(rng.pick(&USER_AGENTS).as_bytes());
    buf.extend_from_slice(b"\",\"geo\":{");
    buf.extend_from_slice(rng.pick(&PLACES).as_bytes());
    buf.extend_from_slice(b"}}");
}

/// The session repeats keys of the event with other values.
fn push_session(buf: &mut Vec<u8>, rng: &mut Stream) {
    let [score, device, ..] = rng.word().to_le_bytes();
    buf.extend_from_slice(b"\"session\":{\"id\":\"");
    push_hex(buf, rng.word());
    buf.extend_from_slice(b"\",\"user_id\":");
    push_number(buf, u64::from(device));
    buf.extend_from_slice(b",\"score\":0.");
    buf.extend_from_slice(&pair(u32::from(score)));
    buf.extend_from_slice(if score < 128 {
        b",\"timestamp\":null,\"new\":true}"
    } else {
        b",\"timestamp\":0,\"new\":false}"
    });
}

fn push_tags(buf: &mut Vec<u8>, rng: &mut Stream) {
    buf.extend_from_slice(b"\"tags\":[");
    for i in 0..rng.small(5) {
        if i > 0 {
            buf.push(b',');
        }
        buf.extend_from_slice(rng.pick(&TAGS).as_bytes());
    }
    buf.push(b']');
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::generate::event::Event;

    #[test]
    fn fields_are_anywhere_among_the_extra_members() {
        let [mut rng, mut events] = Stream::split(10);
        let mut draft = Draft::default();
        let (mut orders, mut decoys) = (HashSet::new(), 0);
        for _ in 0..2_000 {
            let event = Event::draw(&mut events, 1_000, 31, None);
            draft.fill(&event);
            let mut line = Vec::new();
            write_draft(&draft, &mut rng, &mut line);
            let text = String::from_utf8(line).expect("UTF-8");
            let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(value["user_id"], event.user_id);
            assert_eq!(
                value["event_type"].as_str().map(str::as_bytes),
                Some(event.kind.name())
            );
            assert!(value["context"]["geo"].is_object());
            decoys += u32::from(value["session"]["user_id"].is_u64());
            orders.insert(text[..8].to_owned());
        }
        for first in [
            "{\"user_i",
            "{\"event_",
            "{\"timest",
            "{\"amount",
            "{\"contex",
            "{\"sessio",
        ] {
            assert!(orders.contains(first), "no line begins with {first}");
        }
        assert!(decoys > 500, "{decoys}");
    }

    #[test]
    fn every_piece_of_text_is_json() {
        for text in EXTRAS.into_iter().chain(PLACES) {
            serde_json::from_str::<serde_json::Value>(&format!("{{{text}}}")).expect(text);
        }
        for text in USER_AGENTS {
            serde_json::from_str::<String>(&format!("\"{text}\"")).expect(text);
        }
        for text in TAGS {
            serde_json::from_str::<String>(text).expect(text);
        }
    }
}
