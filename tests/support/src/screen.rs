//! Screens: what each virtual phone showed, as it wrote it down line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

/// One line of a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The notification's id.
    pub id: String,
    /// What happened to it.
    pub what: What,
    /// Which life of the process wrote it.
    pub process: String,
    /// When, as the screen says it (RFC 3339); empty when it does not.
    pub time: String,
}

/// What happened to a notification on a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Handed over to be shown (again, after a process died in between).
    Handed,
    /// Its content was replaced where it stands.
    Updated,
    /// Finished with: shown, and not to be handed over any more.
    Done,
    /// Taken away by a recall.
    Removed,
}

/// What a screen has shown, and what it showed a second time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Each id once.
    pub ids: BTreeSet<String>,
    /// The id, and what makes it a repetition.
    pub twice: Vec<(String, &'static str)>,
}

/// Reads a screen. A process that died may hand a notification over again in its next life, as long as it is not done.
#[must_use]
pub fn shown(lines: &[Line]) -> Shown {
    let mut shown = Shown::default();
    let mut done = BTreeSet::new();
    let mut handed_in = BTreeSet::new();
    for line in lines {
        match line.what {
            What::Handed => {
                let is_new_in_this_life = handed_in.insert((&line.process, &line.id));
                if done.contains(&line.id) {
                    shown.twice.push((line.id.clone(), "after it was done"));
                } else if !is_new_in_this_life {
                    shown.twice.push((line.id.clone(), "twice in one life"));
                }
                shown.ids.insert(line.id.clone());
            }
            What::Done => {
                done.insert(&line.id);
            }
            What::Updated | What::Removed => {}
        }
    }
    shown
}

/// Reads the screens in a folder (`screen-<device>.jsonl`), by the device's name.
///
/// # Errors
/// A file cannot be read, or a line is not understood. A torn last line, which a killed process may leave, is skipped.
pub fn read_all(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<Line>>> {
    let mut screens = BTreeMap::new();
    for item in std::fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
        let path = item?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(device) = name.strip_prefix("screen-").and_then(|name| name.strip_suffix(".jsonl")) {
            let text = std::fs::read_to_string(&path).context("failed to read a screen")?;
            screens.insert(device.to_owned(), parse(&text)?);
        }
    }
    Ok(screens)
}

/// Reads the lines of one screen.
///
/// # Errors
/// A whole line is not understood.
pub fn parse(text: &str) -> anyhow::Result<Vec<Line>> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(line).collect()
}

fn line(text: &str) -> anyhow::Result<Line> {
    let value: Value = serde_json::from_str(text).with_context(|| format!("a screen's line is not JSON: {text}"))?;
    let field =
        |name: &str| value.get(name).map(|found| found.as_str().map_or_else(|| found.to_string(), str::to_owned));
    let what = match field("what").as_deref() {
        Some("handed") => What::Handed,
        Some("updated") => What::Updated,
        Some("done") => What::Done,
        Some("removed") => What::Removed,
        _ => bail!("a screen's line says nothing that is known: {text}"),
    };
    let id = field("id").with_context(|| format!("a screen's line has no id: {text}"))?;
    let process = field("process").with_context(|| format!("a screen's line has no process: {text}"))?;
    Ok(Line { id, what, process, time: field("time").unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_a_torn_one_is_skipped() {
        let text = r#"{"id":"a","attempt":1,"process":"p1","time":"2026-11-21T11:42:00.123Z","what":"handed"}
{"id":"a","process":"p1","time":"2026-11-21T11:42:00.124Z","what":"done"}
{"id":"b","att"#;
        let line = |what, millis: &str| Line {
            id: "a".into(),
            what,
            process: "p1".into(),
            time: format!("2026-11-21T11:42:00.{millis}Z"),
        };
        let expected = [line(What::Handed, "123"), line(What::Done, "124")];
        assert_eq!(parse(text).expect("the whole lines are good"), expected);
    }

    #[test]
    fn a_whole_line_that_is_not_understood_is_an_error() {
        for text in ["nonsense\n", "{\"id\":\"a\",\"process\":\"p\",\"what\":\"vanished\"}\n", "{\"what\":\"done\"}\n"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
