//! A user's mailbox at an IMAP server that leaves out, moves up, and hides.

use std::collections::BTreeSet;
use std::future::{Future, ready};

use connect::ConnectError;
use connect::imap::{
    BodySink, Capabilities, Flags, Folder, FolderName, Listed, Look, Namespace, Opened, Standing, Uid,
    UidSet, Window, Woken,
};
use model::{FolderRole, MessageKey, limits};
use poll::sources::imap_look::{Chosen, ImapLook};
use poll::{Folders as _, Source as _};

#[derive(Default)]
struct Server {
    can: Capabilities,
    folders: Vec<(&'static str, Option<&'static str>)>,
    namespace: Option<Namespace>,
    uids: Vec<u32>,
    /// They are left out of lists, so often.
    hidden: Vec<(u32, usize)>,
    /// They are taken out before the next list of more than one.
    leaving: BTreeSet<u32>,
    asked: Vec<String>,
}

type Answer<T> = Result<T, ConnectError>;

impl Server {
    fn listed(&mut self, sequence: u32) -> Option<Listed> {
        let uid = *self.uids.get(sequence as usize - 1)?;
        if let Some((_, times)) = self.hidden.iter_mut().find(|(hidden, times)| *hidden == uid && *times > 0)
        {
            *times -= 1;
            return None;
        }
        let uid = Uid::new(u64::from(uid))?;
        Some(Listed { uid, sequence, flags: Flags::default(), arrived: None, size: 10 })
    }
}

impl Look for Server {
    fn can(&self) -> &Capabilities {
        &self.can
    }

    fn examine(&mut self, folder: &FolderName) -> impl Future<Output = Answer<Opened>> + Send {
        self.asked.push(format!("examine {}", folder.as_str()));
        let (exists, uidnext) = (self.uids.len() as u32, self.uids.last().map(|uid| uid + 1));
        ready(Ok(Opened { uidvalidity: 1, uidnext, exists, highestmodseq: None, is_read_only: true }))
    }

    fn list(&mut self, window: Window) -> impl Future<Output = Answer<Vec<Listed>>> + Send {
        if window.count > 1 {
            let leaving = std::mem::take(&mut self.leaving);
            self.uids.retain(|uid| !leaving.contains(uid));
        }
        let last = window.first.saturating_add(window.count - 1).min(self.uids.len() as u32);
        ready(Ok((window.first..=last).filter_map(|sequence| self.listed(sequence)).collect()))
    }

    fn list_these(&mut self, _: &UidSet) -> impl Future<Output = Answer<Vec<Listed>>> + Send {
        ready(Ok(Vec::new()))
    }

    fn standing(&mut self, folder: &FolderName) -> impl Future<Output = Answer<Option<Standing>>> + Send {
        self.asked.push(format!("status {}", folder.as_str()));
        let uidnext = self.uids.last().map(|uid| uid + 1);
        ready(Ok(uidnext.map(|uidnext| Standing { uidvalidity: 1, uidnext })))
    }

    fn headers(&mut self, _: &UidSet) -> impl Future<Output = Answer<Vec<(Uid, Vec<u8>)>>> + Send {
        ready(Ok(Vec::new()))
    }

    fn bodies<S: BodySink>(&mut self, _: &UidSet, _: &mut S) -> impl Future<Output = Answer<()>> + Send {
        ready(Ok(()))
    }

    fn exists(&mut self, uids: &UidSet) -> impl Future<Output = Answer<UidSet>> + Send {
        ready(Ok(uids.clone()))
    }

    fn wait(&mut self, _: impl Future<Output = ()> + Send) -> impl Future<Output = Answer<Woken>> + Send {
        ready(Ok(Woken::Time))
    }

    fn folders(&mut self) -> impl Future<Output = Answer<Vec<Folder>>> + Send {
        let folder = |(name, special): &(&str, Option<&str>)| Folder {
            name: FolderName::new(name).unwrap(),
            delimiter: Some('.'),
            special_use: special.map(str::to_owned),
            can_be_opened: !name.ends_with(']'),
        };
        ready(Ok(self.folders.iter().map(folder).collect()))
    }

    fn namespace(&mut self) -> impl Future<Output = Answer<Option<Namespace>>> + Send {
        ready(Ok(self.namespace.clone()))
    }

    fn bye(self) -> impl Future<Output = Answer<()>> + Send {
        ready(Ok(()))
    }
}

/// The UIDs that come when it is listed to its end, from this one on.
async fn all(look: &mut ImapLook<Server>, mut after: Option<u32>) -> Vec<u32> {
    let mut found = Vec::new();
    loop {
        let key = after.map(MessageKey::of_uid);
        let shown = look.list(key.as_ref()).await.unwrap();
        let Some(last) = shown.last() else { return found };
        after = last.key.uid();
        found.extend(shown.iter().filter_map(|shown| shown.key.uid()));
    }
}

async fn opened(server: Server) -> ImapLook<Server> {
    let mut look = ImapLook::open(server, &Chosen::default()).await.unwrap();
    let inbox = look.places().first().unwrap().clone();
    assert!(look.enter(&inbox, true).await.unwrap());
    look
}

fn uids(count: u32) -> Vec<u32> {
    (1..=count).map(|number| number * 3).collect()
}

#[tokio::test]
async fn it_goes_on_behind_what_was_seen() {
    for after in [0, 1, 3, 4, 297, 298, 300, 301, 900] {
        let mut look = opened(Server { uids: uids(300), ..Server::default() }).await;
        let behind: Vec<u32> = uids(300).into_iter().filter(|uid| *uid > after).collect();
        assert_eq!(all(&mut look, Some(after)).await, behind, "{after}");
    }
}

#[tokio::test]
async fn what_others_take_out_meanwhile_hides_nothing() {
    let mut look = opened(Server { uids: uids(400), ..Server::default() }).await;
    let first = look.list(None).await.unwrap();
    assert_eq!(first.len(), limits::POLL_TURN_MESSAGES_MAX);
    // What was listed goes, and all behind it moves up.
    let mut look =
        opened(Server { uids: uids(400), leaving: uids(50).into_iter().collect(), ..Server::default() })
            .await;
    let last = first.last().and_then(|shown| shown.key.uid());
    assert_eq!(all(&mut look, last).await, uids(400).split_off(first.len()));
}

#[tokio::test]
async fn what_a_list_leaves_out_is_asked_for_again() {
    for times in [1, 2, 3] {
        let hidden = vec![(9, times), (99, times), (300, times)];
        let mut look = opened(Server { uids: uids(100), hidden, ..Server::default() }).await;
        let mut found = all(&mut look, None).await;
        // The last one may come when it is looked for again.
        found.extend(all(&mut look, found.last().copied()).await);
        let all = BTreeSet::from_iter(uids(100));
        let missing: Vec<u32> = all.difference(&found.iter().copied().collect()).copied().collect();
        assert!(missing.is_empty() || times > 1, "{times}: {missing:?}");
        assert!(found.is_sorted(), "{found:?}");
    }
}

#[tokio::test]
async fn behind_what_is_never_shown_nothing_is_passed_over() {
    // The first is not there even alone; the other one is left out of the lists in which that is found out.
    let hidden = vec![(9, usize::MAX), (15, 2)];
    let mut look = opened(Server { uids: uids(10), hidden, ..Server::default() }).await;
    assert_eq!(all(&mut look, None).await, [3, 6, 12, 15, 18, 21, 24, 27, 30]);
}

#[tokio::test]
async fn the_folder_of_sent_mail_is_found() {
    let role = async |folders: Vec<(&'static str, Option<&'static str>)>, chosen: Chosen| {
        let look = ImapLook::open(Server { folders, ..Server::default() }, &chosen).await.unwrap();
        let sent = look.places().into_iter().find(|place| place.role == FolderRole::Sent);
        (sent.map(|place| place.name), look.remark())
    };
    let found = |name: &str| (Some(name.to_owned()), None);
    let none = Chosen::default();
    let special = vec![("Sent", None), ("Ausgang", Some("Sent"))];
    assert_eq!(role(special.clone(), none.clone()).await, found("Ausgang"), "the server knows best");
    assert_eq!(
        role(vec![("INBOX", None), ("INBOX.Gesendete Objekte", None)], none.clone()).await,
        found("INBOX.Gesendete Objekte")
    );
    let named = Chosen { sent: Some("Sent".to_owned()), others: Vec::new() };
    assert_eq!(role(special.clone(), named).await, found("Sent"));
    for chosen in [none, Chosen { sent: Some("Away".to_owned()), others: Vec::new() }] {
        let (sent, remark) = role(vec![("INBOX", None)], chosen).await;
        assert!(sent.is_none() && remark.is_some());
    }
    let inbox = Chosen { sent: Some("INBOX".to_owned()), others: vec!["Gone".to_owned()] };
    let (sent, remark) = role(vec![("INBOX", None)], inbox).await;
    assert_eq!((sent, remark.unwrap().matches(';').count()), (None, 1), "an inbox proves nobody");
}

#[tokio::test]
async fn sent_mail_of_others_is_none_of_the_users() {
    let own = |own: &str, others: &[&str]| {
        let others = others.iter().map(|other| (*other).to_owned()).collect();
        Some(Namespace { own: own.to_owned(), others })
    };
    let said = Some("Sent");
    for (namespace, folders, expected) in [
        (None, vec![("Shared.bob.Sent", said), ("user.eve.Sent", None)], None),
        (None, vec![("Shared.bob.Sent", said), ("Sent", None)], Some("Sent")),
        (None, vec![("INBOX.Old.Sent", None)], None),
        (own("INBOX.", &[""]), vec![("Sent", said), ("INBOX.Sent Items", None)], Some("INBOX.Sent Items")),
        (own("", &["Public."]), vec![("Public.Sent", said), ("[Public]", None)], None),
        (own("", &[]), vec![("[Gmail]", None), ("[Gmail].Gesendet", said)], Some("[Gmail].Gesendet")),
        (None, vec![("Sent", None), ("Sent Items", None)], None),
        (None, vec![("Sent", None), ("Sent Items", said)], Some("Sent Items")),
        (None, vec![("Out", said), ("INBOX.Away", said), ("Sent", None)], None),
    ] {
        let server = Server { folders: folders.clone(), namespace, ..Server::default() };
        let look = ImapLook::open(server, &Chosen::default()).await.unwrap();
        let sent = look.places().into_iter().find(|place| place.role == FolderRole::Sent);
        assert_eq!(sent.map(|place| place.name).as_deref(), expected, "{folders:?}");
        assert_eq!(look.remark().is_some(), expected.is_none(), "{folders:?}");
    }
}

#[tokio::test]
async fn a_folder_without_news_is_not_opened_again() {
    let server = Server { uids: uids(3), folders: vec![("Sent", None)], ..Server::default() };
    let mut look = ImapLook::open(server, &Chosen::default()).await.unwrap();
    let places = look.places();
    let [inbox, sent] = places.as_slice() else { panic!("{places:?}") };
    for place in [sent, inbox] {
        assert!(look.enter(place, true).await.unwrap());
    }
    assert!(!look.enter(sent, true).await.unwrap(), "nothing has come to it");
    assert!(look.enter(inbox, true).await.unwrap(), "it is open");
    assert!(look.enter(sent, false).await.unwrap());
}
