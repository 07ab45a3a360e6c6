//! When the runner looks which mailboxes there are.

use std::path::PathBuf;

use crate::commands::{self, AddMaildir, AddSink, Request};
use crate::settings::Settings;

use super::*;

#[tokio::test(start_paused = true)]
async fn who_rings_is_looked_after_at_once_and_many_together() {
    let boards = Boards::default();
    let round = Duration::from_secs(limits::POLL_ROUND_SECONDS);
    // The clock of this test jumps.
    let looked = async || {
        let begun = Instant::now();
        boards.until_next_look().await;
        begun.elapsed()
    };
    assert_eq!(looked().await, round);
    boards.ring();
    boards.begin_anew(Pair { organization: model::Id([1; 16]), mailbox: model::Id([2; 16]) });
    assert_eq!(looked().await, RINGS_TOGETHER);
    assert_eq!(looked().await, round);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_adds_pauses_or_resumes_one_rings() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::read(None, |_| None).unwrap();
    settings.data = folder.path().join("data");
    let house = House::open(settings).unwrap();
    let has_rung = async |request| {
        commands::run(&house, request).await.unwrap();
        tokio::time::timeout(Duration::ZERO, house.boards.bell.notified()).await.is_ok()
    };
    let organization = || "contoso".to_owned();
    let address = || "crm@sink.contoso.example".to_owned();
    assert!(!has_rung(Request::AddOrganization(organization())).await);
    let sink = AddSink {
        organization: organization(),
        address: address(),
        networks: Vec::new(),
        refusing_networks: Vec::new(),
    };
    assert!(!has_rung(Request::AddSink(sink)).await);
    let maildir = AddMaildir {
        organization: organization(),
        name: "crm".to_owned(),
        folder: PathBuf::from("/home/crm/Maildir"),
        sink: address(),
        is_refusing: true,
    };
    assert!(has_rung(Request::AddMaildir(maildir)).await);
    for is_active in [false, true] {
        let mailbox = "crm".to_owned();
        let state = Request::SetMailboxState { organization: organization(), mailbox, is_active };
        assert!(has_rung(state).await);
    }
    assert!(!has_rung(Request::Mailboxes(None)).await);
}
