//! Secrets that open where they were sealed, and nowhere else.

use super::*;

const CELL: Cell<'_> =
    Cell { organization: Id([1; 16]), table: "mailbox", row: Id([2; 16]), column: "password" };
const PASSWORD: &str = "Schlüssel 7";

fn key(id: u8, byte: u8) -> SealingKey {
    SealingKey::new(KeyId([0, 0, 0, id]), Zeroizing::new([byte; KEY_BYTES]))
}

fn sealed(secret: &str) -> Vec<u8> {
    seal(&key(1, 9), CELL, secret, Nonce::new([3; NONCE_BYTES])).unwrap()
}

fn opened(keys: &[SealingKey], cell: Cell<'_>, record: &[u8]) -> Result<String, SecretError> {
    open(keys, cell, record).map(|secret| secret.to_string())
}

#[test]
fn a_secret_opens_in_its_cell_alone() {
    let (record, keys) = (sealed(PASSWORD), [key(2, 8), key(1, 9)]);
    assert_eq!(opened(&keys, CELL, &record).unwrap(), PASSWORD);
    let (organization, row) = (Id([4; 16]), Id([5; 16]));
    let elsewhere = [
        Cell { organization, ..CELL },
        Cell { row, ..CELL },
        Cell { table: "mailboxp", column: "assword", ..CELL },
        Cell { column: "token", ..CELL },
        Cell { organization: CELL.row, row: CELL.organization, ..CELL },
    ];
    for cell in elsewhere {
        assert_eq!(opened(&keys, cell, &record), Err(SecretError::Refused), "{cell:?}");
    }
}

#[test]
fn another_key_opens_nothing_and_a_missing_one_is_named() {
    let record = sealed(PASSWORD);
    assert_eq!(opened(&[key(1, 8)], CELL, &record), Err(SecretError::Refused));
    let missing = opened(&[key(2, 9)], CELL, &record).unwrap_err();
    assert_eq!(missing.to_string(), "its key 00000001 is missing");
    // The same key under another id: the id belongs to what is sealed.
    let mut renamed = record.clone();
    renamed[4] = 2;
    assert_eq!(opened(&[key(2, 9)], CELL, &renamed), Err(SecretError::Refused));
}

#[test]
fn no_byte_can_be_changed_added_or_left_out() {
    let (record, keys) = (sealed(PASSWORD), [key(1, 9)]);
    for at in 0..record.len() {
        for bit in 0..8 {
            let mut changed = record.clone();
            changed[at] ^= 1 << bit;
            assert!(opened(&keys, CELL, &changed).is_err(), "bit {bit} of byte {at}");
        }
        assert!(opened(&keys, CELL, &record[..at]).is_err(), "{at} bytes");
        assert!(opened(&keys, CELL, &record[at + 1..]).is_err(), "without {at} bytes");
    }
    assert_eq!(opened(&keys, CELL, &[&record[..], &[0]].concat()), Err(SecretError::Refused));
    assert_eq!(opened(&keys, CELL, &vec![VERSION; 1 << 20]), Err(SecretError::Form));
}

#[test]
fn records_of_this_release_open_in_later_ones() {
    let record = sealed("hunter2");
    let hex: String = record.iter().map(|byte| format!("{byte:02x}")).collect();
    // As another implementation of AES-GCM seals it.
    let sealed = "b9e1850630ce59ffdfd58593c9220254324fba0dba715f";
    assert_eq!(hex, ["01", "00000001", "030303030303030303030303", sealed].concat());
}

#[test]
fn a_secret_has_a_length() {
    let seal = |secret: &str| seal(&key(1, 9), CELL, secret, Nonce::new([3; NONCE_BYTES]));
    assert_eq!(seal(""), Err(SecretError::Length));
    assert_eq!(seal(&"x".repeat(limits::SECRET_BYTES_MAX + 1)), Err(SecretError::Length));
    let longest = "x".repeat(limits::SECRET_BYTES_MAX);
    assert_eq!(opened(&[key(1, 9)], CELL, &seal(&longest).unwrap()).unwrap(), longest);
}

#[test]
fn ids_are_eight_digits_and_keys_are_not_shown() {
    assert_eq!("00fF0a10".parse(), Ok(KeyId([0, 255, 10, 16])));
    for wrong in ["", "+0000001", "0000001", "000000011", "0000000g", "0000000é"] {
        assert_eq!(wrong.parse::<KeyId>(), Err(SecretError::Form), "{wrong}");
    }
    assert_eq!(format!("{:?}", key(1, 9)), "SealingKey(00000001, …)");
}
