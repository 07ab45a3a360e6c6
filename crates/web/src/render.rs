//! Templates: embedded in the program, strict about names, escaping every value.

mod marked;
mod plain;
mod words;

use std::sync::LazyLock;

use axum::response::{Html, IntoResponse, Response};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};
use rust_embed::RustEmbed;

use crate::assets;
use crate::values::Failure;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Templates;

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// A page of a template. A template that fails is our own fault: logged here, once.
pub(crate) fn page(template: &str, values: Value) -> Result<Response, Failure> {
    let rendered = TEMPLATES.get_template(template).and_then(|template| template.render(values));
    match rendered {
        Ok(html) => Ok(Html(html).into_response()),
        Err(error) => {
            tracing::error!(template, error = format!("{error:#}"), "a template failed");
            Err(Failure::Internal)
        }
    }
}

fn environment() -> Environment<'static> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        templates.set_syntax(syntax);
    }
    templates.set_loader(|name| {
        let file = Templates::get(name).map(|file| file.data.into_owned());
        Ok(file.and_then(|bytes| String::from_utf8(bytes).ok()))
    });
    templates.add_function("asset", |name: &str| Value::from_safe_string(assets::address(name)));
    templates.add_function("plain", plain::html);
    templates.add_function("marked", |text: &str, words: Vec<String>| {
        Value::from_safe_string(marked::html(text, &words))
    });
    templates.add_function("stamp", words::stamp);
    templates.add_filter("time", |millis: i64| Value::from_safe_string(words::short_time(millis)));
    templates.add_filter("full_time", |millis: i64| Value::from_safe_string(words::full_time(millis)));
    templates.add_filter("day", |day: &str| words::day(day));
    templates.add_filter("short_day", |day: &str| words::short_day(day));
    templates.add_filter("size", words::size);
    templates.add_filter("count", words::count);
    templates.add_filter("initials", |name: &str| words::initials(name));
    templates
}
