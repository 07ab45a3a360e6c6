//! The tables, each declared once: columns with Dataverse logical names, labels, sizes, keys and indexes.
//!
//! From a declaration come the Rust noun, the DDL and its rows (room `store`), and the labels that imports
//! and pages show. `catalogue` is the small database of all organisations; the rest stands in the database
//! of one organisation.

pub mod answers;
pub mod catalogue;
mod column;
pub mod customers;
pub mod emails;
pub mod house;
pub mod intake;
pub mod mailboxes;
pub mod outbox;
pub mod people;
pub mod signing;
pub mod suppression;
pub mod templates;

pub use column::{Column, Field, Index, Kind, Noun, Table, Value, WrongValue};

/// The tables of one organisation, in the order in which they are made.
pub const ORGANIZATION_TABLES: &[&Table] = &[
    &people::SystemUser::TABLE,
    &people::Queue::TABLE,
    &people::SendAs::TABLE,
    &people::EmailSignature::TABLE,
    &people::Sink::TABLE,
    &people::SinkCredential::TABLE,
    &people::NeverLog::TABLE,
    &people::Session::TABLE,
    &customers::Account::TABLE,
    &customers::Contact::TABLE,
    &customers::Lead::TABLE,
    &customers::RecordAddress::TABLE,
    &emails::Email::TABLE,
    &emails::ActivityParty::TABLE,
    &emails::PartyCandidate::TABLE,
    &emails::ActivityMimeAttachment::TABLE,
    &emails::QueueItem::TABLE,
    &emails::Identity::TABLE,
    &emails::MessageReference::TABLE,
    &emails::EmailVersion::TABLE,
    &emails::EmailCopy::TABLE,
    &emails::LeftSource::TABLE,
    &intake::Copy::TABLE,
    &intake::OriginalOutcome::TABLE,
    &intake::Undeliverable::TABLE,
    &intake::MailVerdict::TABLE,
    &mailboxes::EmailServerProfile::TABLE,
    &mailboxes::Mailbox::TABLE,
    &mailboxes::MailboxFolder::TABLE,
    &mailboxes::MailboxMessage::TABLE,
    &mailboxes::MailboxDay::TABLE,
    &mailboxes::MailboxState::TABLE,
    &mailboxes::MailboxGrant::TABLE,
    &outbox::OutboxMail::TABLE,
    &outbox::OutboxRecipient::TABLE,
    &templates::Template::TABLE,
    &outbox::OutboxLimit::TABLE,
    &suppression::Suppression::TABLE,
    &signing::DomainKey::TABLE,
    &answers::Acknowledgement::TABLE,
    &answers::AutoAnswer::TABLE,
    &outbox::PreSend::TABLE,
    &house::Blob::TABLE,
    &house::Event::TABLE,
    &house::Untold::TABLE,
    &house::Job::TABLE,
    &house::Lease::TABLE,
    &house::Setting::TABLE,
];

/// The tables of the catalogue.
pub const CATALOGUE_TABLES: &[&Table] = &[
    &catalogue::Organization::TABLE,
    &catalogue::Route::TABLE,
    &catalogue::Node::TABLE,
    &catalogue::CatalogueVersion::TABLE,
    &catalogue::HouseSetting::TABLE,
    &house::Lease::TABLE,
];
