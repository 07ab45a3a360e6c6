//! Reasons in words that no list has: of whom a sentence speaks, and what it says of him.

use super::{Kind, answered, each_is};

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
    each_is(&never, Kind::Hard);
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
    each_is(&not_now, Kind::Soft);
    assert_eq!(answered("550 we regret it. Visit the mailbox. No!", "5.0.0"), Kind::Unclear);
    let far = "550 the mailbox is what we speak of and of its merits and of its name, all this and more, looks obsolete";
    assert_eq!(answered(far, "5.0.0"), Kind::Unclear);
}

#[test]
fn many_servers_are_understood_in_their_own_words() {
    let never = [
        "550 Diese E-Mail-Adresse gibt es nicht (mehr)",
        "550 Le compte a été clôturé, utilisateur Zoe inconnu ici",
        "550 la dirección no existe",
        "550 l'utente non è più attivo",
        "550 niet meer in gebruik",
        "550 такого ящика нет",
        "550 收件人邮箱不存在",
        "550 宛先に誤りがあります",
        "550 없는 사용자입니다",
        "550 zoe has graduated and left us",
    ];
    let not_now = [
        "550 das Postfach von Zoe nimmt nichts mehr auf: Speicherplatz erschöpft",
        "550 la boîte de Zoe est saturée",
        "550 el buzón de esta persona está lleno",
        "550 het postvak is helaas vol",
        "550 ящик получателя полон: превышена квота",
        "550 该收件人邮箱容量超限",
        "550 メールボックスの保存容量を超過",
        "550 스팸으로 차단되었습니다",
        "550 the attachment too large for us",
        "550 best MX host is ourselves",
    ];
    each_is(&never, Kind::Hard);
    each_is(&not_now, Kind::Soft);
}

#[test]
fn an_address_that_is_gone_is_known_in_the_words_of_its_language() {
    let never = [
        "550 Benutzerkonto ist stillgelegt",
        "550 adresse non attribuée",
        "550 cuenta dada de baja",
        "550 casella dismessa",
        "550 endereço não cadastrado",
        "550 postbus is opgeheven",
        "550 konto zostało usunięte",
        "550 kontot är avstängt",
        "550 postkassen er nedlagt",
        "550 osoite ei ole käytössä",
        "550 schránka byla zrušena",
        "550 a postafiók megszűnt",
        "550 contul nu mai există",
        "550 hesap kapatıldı",
        "550 адресат отсутствует",
        "550 скринька відключена",
        "550 ο λογαριασμός είναι ανενεργός",
        "550 账户已注销",
        "550 そのアドレスは廃止されました",
        "550 메일함이 삭제되었습니다",
    ];
    each_is(&never, Kind::Hard);
}

#[test]
fn a_sender_is_a_sender_in_every_language() {
    let not_now = [
        "550 avsändaren okänd",
        "550 odesílatel neznámý",
        "550 ismeretlen feladó",
        "550 gönderen bilinmiyor",
        "550 发件人不存在",
        "550 送信元ドメインが存在しません",
        "550 발신자를 찾을 수 없습니다",
        "550 ваш IP адрес заблокирован",
        "550 acceso denegado",
        "550 autenticazione richiesta",
    ];
    each_is(&not_now, Kind::Soft);
}

#[test]
fn what_is_said_of_a_room_or_a_thing_is_not_said_of_him() {
    let not_now = [
        "550 the account does not have enough space",
        "550 recipient has used up the disk",
        "550 user cannot receive any more mail",
        "535 Invalid credential",
        "501 unknown mechanism",
        "550 DSN support is disabled",
        "550 SPF record not found",
        "550 cannot find your hostname",
        "550 your address is unknown",
        "550 no longer accepts messages from strangers",
        "451 4.2.0 mailbox locked",
        "550 invalid username or password",
        "550 wiadomość zablokowana przez filtr",
        "550 posta kutusu doldu",
    ];
    each_is(&not_now, Kind::Soft);
    let never = [
        "550 mailbox is a send-only mailbox",
        "550 the domain is parked",
        "550 envelope recipient has been denied",
    ];
    each_is(&never, Kind::Hard);
}

#[test]
fn who_answered_is_no_word_about_a_host() {
    assert_eq!(answered("502 no parameters, if it please you", "5.0.0"), Kind::Soft);
    assert_eq!(answered("550 5.2.0 Other or undefined mailbox status", "5.0.0"), Kind::Unclear);
}
