//! Settings from the sample, from a file and from the environment.

use super::*;

fn from_file(text: &str) -> Result<Settings, SettingsError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Settings::read(Some(file.path()), |_| None)
}

#[test]
fn the_sample_is_read_and_gives_the_defaults() {
    let settings = Settings::built_in().unwrap();
    assert_eq!(settings.smtp.listen, ["127.0.0.1:2525".parse().unwrap()]);
    assert!(settings.lmtp.listen.is_empty() && settings.tls.files().is_none());
    assert_eq!(settings.receive.message_bytes_max, model::limits::MESSAGE_BYTES_MAX);
    assert_eq!(settings.receive.connections_per_stranger_max, model::limits::STRANGER_CONNECTIONS_MAX);
    assert!(!settings.name().is_empty() && settings.search.follows_mail);
}

#[test]
fn every_setting_of_the_sample_is_explained() {
    let mut before = "";
    for line in SAMPLE.lines() {
        let is_setting = line.contains(" = ") && !line.starts_with('#');
        let is_explained = before.starts_with('#') || line.starts_with("key = ");
        assert!(!is_setting || is_explained, "{line}");
        before = line;
    }
}

#[test]
fn a_file_changes_what_it_names() {
    let settings = from_file("data = \"/srv/x\"\n[smtp]\nlisten = [\"[::1]:0\"]\n").unwrap();
    assert_eq!(settings.data, Path::new("/srv/x"));
    assert_eq!(settings.smtp.listen, ["[::1]:0".parse().unwrap()]);
    assert_eq!(settings.web, Settings::built_in().unwrap().web);
}

#[test]
fn what_is_wrong_is_named() {
    let says = |text: &str, words: &str| {
        let error = from_file(text).unwrap_err();
        let whole = format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string));
        assert!(whole.contains(words), "{whole}");
    };
    says("[smtp]\nlisen = []", "there is no setting “smtp.lisen”");
    says("[stmp]\nlisten = []", "there is no setting “stmp”");
    says("[web]\nsecure_cookies = 1", "“web.secure_cookies” wants a value like false");
    says("web = 1", "“web” wants a value like");
    says("[smtp]\nlisten = [\"localhost\"]", "smtp.listen");
    says("[store]\nwriter_threads = 0", "store.writer_threads is 0");
    says("[tls]\nkey = \"x\"", "both or neither");
    says("[receive]\ntrusted_networks = [\"x\"]", "not a network");
    says("[node]\nroles = [\"receive\", \"mail\"]", "there is no role “mail”; roles are receive");
    says("[node]\nroles = []", "node.roles is empty");
    says("[node]\ndrain_seconds_max = 0", "node.drain_seconds_max is 0");
    says("data", "TOML");
    says("[hooks.pre_send]\nprogramm = []", "there is no setting “hooks.pre_send.programm”");
    says("[hooks.pre_send]\nprogram = [\"check\"]", "hooks.pre_send: program is named with its whole path");
    says("[hooks.pre_send]\nurl = \"https://a.test\"", "hooks.pre_send: url wants a secret_file");
    says("[hooks.pre_send]\nurl = \"https://a.test\"\nprogram = [\"/a\"]", "not given together");
    says("[hooks.pre_send]\nonerror = \"explode\"", "onerror");
    says("[hooks.pre_send]\nseconds = 301", "seconds may be from 1 to 300");
    says("[hooks.pre_send]\ncalls_max = 0", "calls_max may be from 1 to 100");
}

#[test]
fn proxies_are_networks() {
    assert!(Settings::built_in().unwrap().web.trusted_proxies.is_empty());
    let settings = from_file("[web]\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]").unwrap();
    assert!(settings.web.trusted_proxies[0].contains("10.1.2.3".parse().unwrap()));
    assert!(from_file("[web]\ntrusted_proxies = [\"proxy\"]").is_err());
}

#[test]
fn a_variable_of_no_setting_is_found() {
    let names = ["POSTROOM_DATA", "POSTROOM_SMTP_LISTEN", "POSTROOM_SETTINGS", "PATH", "POSTROOM_SMTP_LISEN"];
    let unknown = Settings::unknown_variables(names.map(str::to_owned).into_iter());
    assert_eq!(unknown, ["POSTROOM_SMTP_LISEN"]);
}

#[test]
fn the_environment_goes_first() {
    let variable = |name: &str| match name {
        "POSTROOM_DATA" => Some("/env".to_owned()),
        "POSTROOM_SMTP_LISTEN" => Some("127.0.0.1:0, [::1]:0".to_owned()),
        "POSTROOM_STORE_WRITER_THREADS" => Some("2".to_owned()),
        "POSTROOM_LOG_FORMAT" => Some("json".to_owned()),
        "POSTROOM_HOOKS_PRE_SEND_PROGRAM" => Some("/usr/bin/check, -v".to_owned()),
        _ => None,
    };
    let settings = Settings::read(None, variable).unwrap();
    assert_eq!((settings.data.as_path(), settings.smtp.listen.len()), (Path::new("/env"), 2));
    assert_eq!((settings.store.writer_threads, settings.log.format), (2, LogFormat::Json));
    assert_eq!(settings.hooks.pre_send.program, ["/usr/bin/check", "-v"]);
    let wrong = |name: &str| (name == "POSTROOM_WEB_SECURE_COOKIES").then(|| "perhaps".to_owned());
    assert!(matches!(Settings::read(None, wrong), Err(SettingsError::WrongKind { .. })));
}
