//! Ink on its ground: at least 4.5 : 1 (WCAG 2.2, 1.4.3), reckoned from the style sheet that is served.

use std::collections::BTreeMap;

use crate::site::Site;

#[tokio::test]
async fn all_ink_can_be_read_in_light_and_dark() {
    let css = Site::stranger().get("/assets/tokens.css").await.text;
    let (light, dark) = css.split_once("@media").expect("light first, then dark");
    let light = colors(light);
    let mut all_dark = light.clone();
    all_dark.extend(colors(dark));
    for (theme, colors) in [("light", light), ("dark", all_dark)] {
        let grounds = ["paper", "sheet", "sunken"];
        let inks = ["ink", "ink-2", "ink-3", "blue", "green", "amber", "red"];
        let mut pairs: Vec<(&str, &str)> =
            inks.iter().flat_map(|ink| grounds.map(|ground| (*ink, ground))).collect();
        pairs.extend([
            ("blue", "blue-soft"),
            ("green", "green-soft"),
            ("amber", "amber-soft"),
            ("red", "red-soft"),
        ]);
        pairs.extend([("paper", "blue"), ("sheet", "red"), ("ink", "red-soft"), ("ink-2", "blue-soft")]);
        for (ink, ground) in pairs {
            let ratio = ratio(luminance(&colors[ink]), luminance(&colors[ground]));
            assert!(ratio >= 4.5, "{theme}: {ink} on {ground} is {ratio:.2}");
        }
    }
}

fn colors(css: &str) -> BTreeMap<String, String> {
    let declarations = css.lines().filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
    declarations.map(|(name, value)| (name.to_owned(), value.trim_end_matches(';').to_owned())).collect()
}

/// Relative luminance (WCAG 2.2, definitions).
fn luminance(hex: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

fn ratio(a: f64, b: f64) -> f64 {
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
