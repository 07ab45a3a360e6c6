//! One organization's disk is full: the sender is told to try again, and each has the mail once in the end.

use postroom::{House, RunningHouse, Settings};

use crate::client::{MailClient, mail};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::start(settings(folder.path())).await.unwrap();
    for name in ["contoso", "tailspin"] {
        prepare(&house, name).await;
    }
    let door = house.ports.smtp[0];
    let send = move || {
        let recipients = ["crm@contoso.test", "crm@tailspin.test"];
        MailClient::smtp(door).send(&recipients, &large())
    };
    let count = |name: &str| {
        let organization = house.house().organization(name).unwrap();
        organization.read(|read| read.email_count()).unwrap()
    };

    house.house().organization("tailspin").unwrap().limit_pages(1);
    let answer = tokio::task::spawn_blocking(send).await.unwrap();
    assert!(answer.starts_with("451 "), "{answer}");
    assert_eq!((count("contoso"), count("tailspin")), (1, 0));

    house.house().organization("tailspin").unwrap().limit_pages(0);
    let answer = tokio::task::spawn_blocking(send).await.unwrap();
    assert!(answer.starts_with("250 "), "{answer}");
    assert_eq!((count("contoso"), count("tailspin")), (1, 1));
    for name in ["contoso", "tailspin"] {
        let organization = house.house().organization(name).unwrap();
        assert_eq!(crm::accounting::verify(&organization).unwrap().faults, Vec::<String>::new());
    }
    house.stop().await;
}

/// A mail to both that fits into no page that is half empty: 40 KB that cannot be compressed away.
fn large() -> String {
    let mut state = 1_u32;
    let mut letter = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + u8::try_from((state >> 16) % 26).unwrap())
    };
    let lines = (0..600).map(|_| (0..70).map(|_| letter()).collect::<String>() + "\r\n");
    let to_both = mail(1).replace("<jane@contoso.test>", "<jane@contoso.test>, <jane@tailspin.test>");
    to_both + &lines.collect::<String>()
}

fn settings(data: &std::path::Path) -> Settings {
    let mut settings = Settings::built_in().unwrap();
    settings.data = data.to_owned();
    settings.hostname = "house.test".to_owned();
    settings.smtp.listen = vec!["127.0.0.1:0".parse().unwrap()];
    settings.web.listen.clear();
    settings
}

/// An organization with a sink and a user who keeps everything.
async fn prepare(house: &RunningHouse, name: &str) {
    use postroom::commands::{AddSink, AddUser, Request, run};
    let requests = [
        Request::AddOrganization(name.to_owned()),
        Request::AddSink(AddSink {
            organization: name.to_owned(),
            address: format!("crm@{name}.test"),
            networks: Vec::new(),
            refusing_networks: Vec::new(),
        }),
        Request::AddUser(AddUser {
            organization: name.to_owned(),
            name: "Jane Doe".to_owned(),
            address: format!("jane@{name}.test"),
            filter: Some("all".to_owned()),
            is_administrator: false,
            password: None,
        }),
    ];
    for request in requests {
        run(house.house(), request).await.unwrap();
    }
}
