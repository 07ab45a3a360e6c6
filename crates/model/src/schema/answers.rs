//! Automatic answers: which queues acknowledge, and who was answered.

use super::column::{Kind::*, table};
use crate::{Id, Timestamp};

table! {
    /// That a queue acknowledges what comes to it, and how.
    Acknowledgement "acknowledgement" set "" label "Acknowledgement" key(queueid) clustered(true) {
        queueid: Id = Lookup("queue"), "Queue";
        /// The title of the template that the answer is made of.
        title: String = Text(200), "Template";
        /// For so many days nobody is answered twice.
        perioddays: i32 = Int, "Period in days";
        /// So many answers go to one domain in an hour; then none does until that hour is over.
        hourlymax: i32 = Int, "Answers to a domain in an hour";
    }
    indexes { }
}

table! {
    /// That an address was answered by a queue. The unique key is what answers once, over all nodes.
    AutoAnswer "autoanswer" set "" label "Automatic answer" key(queueid, address) clustered(true) {
        queueid: Id = Lookup("queue"), "Queue";
        /// In its compared form.
        address: String = Text(640), "Address";
        /// Of the address.
        domain: String = Text(255), "Domain";
        /// The e-mail that was answered last.
        activityid: Id = Lookup("email"), "E-mail";
        answeredon: Timestamp = DateTime, "Answered on";
        /// Before that it is not answered again.
        until: Timestamp = DateTime, "Not again before";
    }
    indexes { many(domain, answeredon); }
}
