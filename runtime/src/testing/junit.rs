//! Writes what became of cases as JUnit's XML, which CI systems read: a suite for each hook.

use std::io;
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::report::details;
use super::suite::Verdict;

type Xml = Writer<Vec<u8>>;

/// The document.
///
/// # Errors
/// None: it is written into memory.
pub fn junit(verdicts: &[Verdict]) -> io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let [tests, failures, time] = counts(&verdicts.iter().collect::<Vec<_>>());
    xml.create_element("testsuites")
        .with_attributes([("name", "boathook"), ("tests", &*tests), ("failures", &*failures)])
        .with_attribute(("time", &*time))
        .write_inner_content(|xml| {
            let mut hooks: Vec<&str> = verdicts.iter().map(|it| it.hook.as_str()).collect();
            hooks.dedup();
            hooks.into_iter().try_for_each(|hook| suite(xml, hook, verdicts))
        })?;
    Ok(xml.into_inner())
}

fn suite(xml: &mut Xml, hook: &str, verdicts: &[Verdict]) -> io::Result<()> {
    let own: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.hook == hook).collect();
    let [tests, failures, time] = counts(&own);
    xml.create_element("testsuite")
        .with_attributes([("name", hook), ("tests", &tests), ("failures", &failures)])
        .with_attribute(("time", &*time))
        .write_inner_content(|xml| own.into_iter().try_for_each(|verdict| case(xml, verdict)))?;
    Ok(())
}

fn case(xml: &mut Xml, verdict: &Verdict) -> io::Result<()> {
    let (name, file) = (legal(&verdict.case), verdict.file.display().to_string());
    let time = seconds(verdict.took);
    let element = xml
        .create_element("testcase")
        .with_attributes([("name", &*name), ("classname", &verdict.hook), ("file", &*file)])
        .with_attribute(("time", &*time));
    if verdict.passed() {
        element.write_empty()?;
        return Ok(());
    }
    let details = legal(&details(verdict));
    let message = format!("{} not as expected", verdict.findings.len());
    element.write_inner_content(|xml| {
        xml.create_element("failure")
            .with_attribute(("message", &*message))
            .write_text_content(BytesText::new(&details))?;
        Ok(())
    })?;
    Ok(())
}

/// How many there are, how many failed, and how long they took.
fn counts(verdicts: &[&Verdict]) -> [String; 3] {
    let failed = verdicts.iter().filter(|verdict| !verdict.passed()).count();
    let took = verdicts.iter().map(|verdict| verdict.took).sum();
    [verdicts.len().to_string(), failed.to_string(), seconds(took)]
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// Without what XML cannot say.
fn legal(text: &str) -> String {
    let is_legal = |c: &char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars().filter(is_legal).filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).collect()
}
