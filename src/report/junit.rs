//! The thresholds of a run as test cases, in the form that JUnit's readers have in common.

use minijinja::{AutoEscape, Environment};

use crate::stats::Summary;
use crate::units;

const PAGE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="onrush" tests="{{ cases|length }}" failures="{{ failures }}" errors="0" time="{{ time }}">
  <testsuite name="{{ name }}" tests="{{ cases|length }}" failures="{{ failures }}" errors="0" skipped="0" timestamp="{{ started_at }}" time="{{ time }}">
    <properties>
      <property name="outcome" value="{{ outcome }}"/>
{%- if measurement %}
      <property name="measurement" value="{{ measurement }}"/>
{%- endif %}
    </properties>
{%- for case in cases %}
    <testcase classname="onrush" name="{{ case.name }}" time="0">
{%- if case.message %}
      <failure type="threshold" message="{{ case.message }}">{{ case.message }}</failure>
    {% endif %}</testcase>
{%- endfor %}
  </testsuite>
</testsuites>
"#;

/// One test case a threshold, which fails as the threshold does.
pub fn junit(s: &Summary) -> String {
    let s = &s.printable();
    let cases: Vec<minijinja::Value> = s
        .thresholds
        .iter()
        .map(|line| {
            let value = line.shown.as_deref().unwrap_or("nothing");
            let why = line.undetermined.as_ref().map_or(String::new(), |why| format!(" (not determined: {why})"));
            let message = (!line.passed).then(|| format!("wanted {}, was {value}{why}", line.threshold));
            minijinja::context! { name => &line.threshold, message => message }
        })
        .collect();
    let failures = s.thresholds.iter().filter(|line| !line.passed).count();
    let context = minijinja::context! {
        cases,
        failures,
        outcome => &s.outcome,
        measurement => s.measurement(),
        name => format!("{} {}", s.plan.method, s.plan.url),
        started_at => s.started_at.trim_end_matches('Z'),
        time => units::decimals(s.wall_s, 3),
    };
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let page = environment.render_str(PAGE, context);
    page.expect("the page is one of this crate's own, and so is all that it names") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{summary, thresholds};

    const EXPECTED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="onrush" tests="2" failures="1" errors="0" time="1.234">
  <testsuite name="POST a&quot;&lt;b&gt;&amp;c�" tests="2" failures="1" errors="0" skipped="0" timestamp="2026-01-01T00:00:00.000" time="1.234">
    <properties>
      <property name="outcome" value="97 of 100 requests failed"/>
    </properties>
    <testcase classname="onrush" name="p99&lt;200ms" time="0"></testcase>
    <testcase classname="onrush" name="p99.99&lt;1s" time="0">
      <failure type="threshold" message="wanted p99.99&lt;1s, was nothing (not determined: p99.99 needs 36,887 requests, there were 100)">wanted p99.99&lt;1s, was nothing (not determined: p99.99 needs 36,887 requests, there were 100)</failure>
    </testcase>
  </testsuite>
</testsuites>
"#;

    #[test]
    fn each_threshold_is_a_test_case() {
        let mut s = Summary { thresholds: thresholds(), ..summary() };
        s.thresholds.truncate(2);
        s.outcome = "97 of 100 requests failed".into();
        s.plan.url = "a\"<b>&c\u{1}".into();
        assert_eq!(junit(&s), EXPECTED);
    }
}
