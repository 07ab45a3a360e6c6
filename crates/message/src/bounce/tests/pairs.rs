//! Reasons in words that no list has: of whom a sentence speaks, and what it says of him.

use super::{Kind, answered};

#[test]
fn what_is_said_of_the_recipient_in_new_words_is_about_the_address() {
    let never = [
        "550 that userid we have no record of",
        "550 5.0.0 the mailbox zoe was deleted by its owner long ago",
        "553 account of this customer got terminated",
        "550 kein solches Konto oder Postfach hier",
        "550 cette boîte est introuvable chez nous",
        "550 esta cuenta ya fue deshabilitada",
        "550 questa casella risulta inesistente",
        "550 esta conta foi desativada",
        "550 odbiorca jest u nas nieznany",
        "550 такой адрес нам неизвестен",
        "550 该邮箱已被停用",
        "550 we will not act as your relay",
    ];
    for reply in never {
        assert_eq!(answered(reply, "5.0.0"), Kind::Hard, "{reply}");
    }
}

#[test]
fn what_is_said_of_the_mail_or_its_sender_is_not_about_the_address() {
    let not_now = [
        "550 the sender you gave is unknown to its own domain",
        "550 This message scored 17 of 10",
        "550 a message like yours is not welcome",
        "550 diese Nachricht haben wir verweigert",
        "450 the userid cannot be resolved just now",
    ];
    for reply in not_now {
        assert_eq!(answered(reply, "5.0.0"), Kind::Soft, "{reply}");
    }
    assert_eq!(answered("550 we regret it. Visit the mailbox. No!", "5.0.0"), Kind::Unclear);
    let far = "550 the mailbox is what we speak of and of its merits and of its name, all this and more, looks obsolete";
    assert_eq!(answered(far, "5.0.0"), Kind::Unclear);
}
