//! An organization that moves to a house on another engine, and back.

#[test]
fn a_thousand_emails_move_there_and_back_and_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let steps = testkit::moving::there_and_back(folder.path(), 1_000, |_| {}).unwrap();
    assert_eq!(steps.len(), 5);
}
