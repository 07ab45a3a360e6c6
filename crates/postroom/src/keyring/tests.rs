//! Key files that are made, named, lost, changed and put back.

use model::Id;
use tempfile::TempDir;

use super::*;

const CELL: Cell<'_> =
    Cell { organization: Id([1; 16]), table: "mailbox", row: Id([2; 16]), column: "password" };
const OLD: &str = "0a0b0c0d AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const NEW: &str = "01020304 //////////////////////////////////////////8=";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The keyring of a data folder, with a key file that the settings name, or its own.
fn keyring(data: &TempDir, key_file: &str) -> Keyring {
    let section = SecretsSection { key_file: PathBuf::from(key_file) };
    Keyring::new(&section, data.path(), |_| None).unwrap()
}

fn write(path: &Path, text: &str) {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn opened(keyring: &Keyring, record: &[u8]) -> Result<String, KeyringError> {
    keyring.open(CELL, record).map(|secret| secret.to_string())
}

#[test]
fn the_first_secret_makes_a_private_file_that_later_ones_use() {
    let data = folder();
    let first = keyring(&data, "");
    let path = data.path().join(KEY_FILE);
    let foreign = [&[1, 7, 7, 7, 7][..], &[0; 40]].concat();
    assert!(matches!(first.open(CELL, &foreign), Err(KeyringError::KeyMissing { .. })));
    assert!(!path.exists(), "nothing was sealed yet");

    let record = first.seal(CELL, "hunter2").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let made = fs::read(&path).unwrap();
    let again = first.seal(CELL, "hunter2").unwrap();
    assert_ne!(record, again, "each record has a nonce of its own");
    assert_eq!(fs::read(&path).unwrap(), made);
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1, "nothing unfinished stays behind");

    let later = keyring(&data, "");
    assert_eq!(opened(&later, &record).unwrap(), "hunter2");
    assert!(later.open(Cell { row: Id([3; 16]), ..CELL }, &record).is_err());
}

#[test]
fn what_broke_off_before_is_begun_again() {
    let data = folder();
    write(&data.path().join("secret.unfinished"), "0a0b");
    let keyring = keyring(&data, "");
    let record = keyring.seal(CELL, "hunter2").unwrap();
    assert_eq!(opened(&keyring, &record).unwrap(), "hunter2");
}

#[test]
fn of_many_first_secrets_one_makes_the_key() {
    let data = folder();
    let keyring = keyring(&data, "");
    let seal = || keyring.seal(CELL, "hunter2").unwrap();
    let records: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(seal)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for record in records {
        assert_eq!(opened(&keyring, &record).unwrap(), "hunter2");
    }
}

#[test]
fn a_missing_key_is_named_until_it_is_put_back() {
    let (here, there) = (folder(), folder());
    let record = keyring(&here, "").seal(CELL, "hunter2").unwrap();
    let other = keyring(&there, "");
    let id = secrets::key_of(&record).unwrap();
    let words = format!("its key {id} is missing in {}", other.path().display());
    for _ in ["no file", "a file of its own"] {
        let error = opened(&other, &record).unwrap_err();
        assert!(error.to_string().starts_with(&words) && !error.is_temporary(), "{error}");
        other.seal(CELL, "else").unwrap();
    }
    fs::copy(here.path().join(KEY_FILE), other.path()).unwrap();
    assert_eq!(opened(&other, &record).unwrap(), "hunter2");
}

#[test]
fn the_first_line_seals_and_all_lines_open() {
    let data = folder();
    let keyring = keyring(&data, "");
    write(keyring.path(), OLD);
    let old = keyring.seal(CELL, "old").unwrap();
    write(keyring.path(), &format!("# changed in May\r\n\n{NEW}\r\n{OLD}\n"));
    let new = keyring.seal(CELL, "new").unwrap();
    assert_eq!(secrets::key_of(&new).unwrap().to_string(), "01020304");
    assert_eq!(opened(&keyring, &old).unwrap(), "old");
    write(keyring.path(), NEW);
    assert!(matches!(opened(&keyring, &old), Err(KeyringError::KeyMissing { .. })));
    assert_eq!(opened(&keyring, &new).unwrap(), "new");
}

#[test]
fn a_file_that_the_settings_name_is_never_made() {
    let (data, elsewhere) = (folder(), folder());
    let path = elsewhere.path().join("keys");
    let keyring = keyring(&data, path.to_str().unwrap());
    assert!(matches!(keyring.seal(CELL, "hunter2"), Err(KeyringError::NoFile { .. })));
    assert!(!path.exists() && fs::read_dir(data.path()).unwrap().next().is_none());
    write(&path, OLD);
    let record = keyring.seal(CELL, "hunter2").unwrap();
    assert_eq!(opened(&keyring, &record).unwrap(), "hunter2");
}

#[test]
fn a_service_has_credentials_and_a_command_beside_it_has_not() {
    let credentials = folder();
    write(&credentials.path().join("keys"), OLD);
    let section = SecretsSection { key_file: PathBuf::from("$CREDENTIALS_DIRECTORY/keys") };
    let data = folder();
    let folder = credentials.path().to_str().unwrap().to_owned();
    let service = |name: &str| (name == "CREDENTIALS_DIRECTORY").then(|| folder.clone());
    assert!(Keyring::new(&section, data.path(), service).unwrap().seal(CELL, "hunter2").is_ok());
    for beside in [None, Some(String::new())] {
        let none = Keyring::new(&section, data.path(), |_| beside.clone());
        assert!(matches!(none, Err(KeyringError::NoCredentials)));
    }
}

#[test]
fn a_file_that_others_may_read_or_the_group_may_write_is_refused() {
    let data = folder();
    let keyring = keyring(&data, "");
    write(keyring.path(), OLD);
    for (mode, is_taken) in [(0o400, true), (0o440, true), (0o600, true), (0o604, false), (0o620, false)] {
        fs::set_permissions(keyring.path(), fs::Permissions::from_mode(mode)).unwrap();
        let sealed = keyring.seal(CELL, "hunter2");
        let is_open = matches!(sealed, Err(KeyringError::Open { .. }));
        assert_eq!((sealed.is_ok(), is_open), (is_taken, !is_taken), "{mode:o}");
    }
}

#[test]
fn what_is_no_key_file_is_told_without_its_keys_and_left_as_it_is() {
    let data = folder();
    let keyring = keyring(&data, "");
    let key = OLD.split(' ').next_back().unwrap();
    let cases = [
        (String::new(), "it has no key"),
        ("# nothing\n".to_owned(), "it has no key"),
        (key.to_owned(), "line 1 is not an id and a key"),
        (format!("{OLD}\n{OLD} x"), "line 2 is not an id and a key"),
        (format!("0a0b0c0 {key}"), "line 1 begins with no id of eight hexadecimal digits"),
        ("0a0b0c0d AAAAAAAA*".to_owned(), "line 1 has a key that is no base64"),
        ("0a0b0c0d AAAAAAAA".to_owned(), "line 1 has a key that is not 32 bytes long"),
        (format!("{OLD}\n0A0B0C0D {}", NEW.split(' ').next_back().unwrap()), "line 2 has the id of a line"),
        ("#".repeat(limits::KEY_FILE_BYTES_MAX + 1), "it is too long"),
    ];
    for (text, words) in cases {
        write(keyring.path(), &text);
        for error in [keyring.seal(CELL, "hunter2").unwrap_err(), keyring.open(CELL, &[0; 40]).unwrap_err()] {
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(words) && !error.is_temporary(), "{shown}");
            assert!(!shown.contains("AAAAAAA") && !shown.contains("hunter2"), "{shown}");
        }
        assert_eq!(fs::read_to_string(keyring.path()).unwrap(), text);
    }
    fs::remove_file(keyring.path()).unwrap();
    fs::create_dir(keyring.path()).unwrap();
    assert!(keyring.seal(CELL, "hunter2").unwrap_err().to_string().ends_with("it is something else"));
}

#[test]
fn a_link_that_leads_nowhere_is_not_replaced() {
    let data = folder();
    let keyring = keyring(&data, "");
    std::os::unix::fs::symlink("/nowhere/secret.keys", keyring.path()).unwrap();
    assert!(matches!(keyring.seal(CELL, "hunter2"), Err(KeyringError::Make { .. })));
    assert!(fs::symlink_metadata(keyring.path()).unwrap().is_symlink());
}

#[test]
fn a_new_key_seals_and_the_former_ones_open() {
    let data = folder();
    let ring = keyring(&data, "");
    assert!(matches!(ring.renew(), Err(KeyringError::NoFile { .. })), "there is nothing to renew");
    let record = ring.seal(CELL, "hunter2").unwrap();
    let first = ring.ids().unwrap();
    let made = ring.renew().unwrap();
    assert_eq!(ring.ids().unwrap(), [&[made][..], &first].concat());
    assert_eq!(opened(&ring, &record).unwrap(), "hunter2");
    let again = ring.seal(CELL, "hunter2").unwrap();
    assert_eq!(secrets::key_of(&again), Ok(made));
    assert_eq!(opened(&keyring(&data, ""), &again).unwrap(), "hunter2");
    assert_eq!(fs::metadata(ring.path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1, "nothing unfinished stays behind");
}

#[test]
fn a_file_that_another_key_would_make_too_long_stays() {
    let data = folder();
    let mut text = String::new();
    for id in 0.. {
        let line = format!("{id:08x} AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
        if text.len() + line.len() > limits::KEY_FILE_BYTES_MAX {
            break;
        }
        text.push_str(&line);
    }
    let ring = keyring(&data, "");
    write(ring.path(), &text);
    let record = ring.seal(CELL, "hunter2").unwrap();
    assert!(matches!(ring.renew(), Err(KeyringError::NoKeys { .. })));
    assert_eq!(fs::read_to_string(ring.path()).unwrap(), text);
    assert_eq!(opened(&ring, &record).unwrap(), "hunter2");
}
