//! The words of the page that the server sends if it cannot answer as the person expects. Only the server
//! has them, so no browser loads them.

use super::Text;
use super::language::Language;

/// The words of that page that no other page has.
pub struct Faults {
    pub too_many: Fault,
    pub not_accepted: Fault,
    pub for_now: Fault,
    pub ours: Fault,
    /// What stands before the number of the request.
    pub number: Text,
}

/// What is wrong, and what the person can do.
#[derive(Clone, Copy)]
pub struct Fault {
    pub heading: Text,
    pub advice: Text,
}

/// The words of that page in this language.
pub fn faults(language: Language) -> &'static Faults {
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    }
}

static ENGLISH: Faults = Faults {
    too_many: Fault {
        heading: "Too many requests",
        advice: "Your browser, or another one in your network, has asked for too much in a short time. \
            Wait a minute, then load the page again.",
    },
    not_accepted: Fault {
        heading: "This does not work here",
        advice: "The server does not accept this request. Go to the start, and open the page from there.",
    },
    for_now: Fault {
        heading: "Holdfast cannot answer at the moment",
        advice: "Wait a moment, then load the page again. If you were signed in, you still are.",
    },
    ours: Fault {
        heading: "Something went wrong on our side",
        advice: "This is not your fault. Load the page again. If that does not help, tell the people who run \
            this site the number below.",
    },
    number: "Number of this request:",
};

static GERMAN: Faults = Faults {
    too_many: Fault {
        heading: "Zu viele Anfragen",
        advice: "Ihr Browser oder ein anderer in Ihrem Netz hat in kurzer Zeit zu viele Anfragen gesendet. \
            Warten Sie eine Minute und laden Sie die Seite dann neu.",
    },
    not_accepted: Fault {
        heading: "Das geht hier nicht",
        advice: "Der Server nimmt diese Anfrage nicht an. Gehen Sie zur Startseite und öffnen Sie die \
            Seite von dort aus.",
    },
    for_now: Fault {
        heading: "Holdfast kann im Moment nicht antworten",
        advice: "Warten Sie einen Moment und laden Sie die Seite dann neu. Wenn Sie angemeldet waren, sind Sie \
            es noch.",
    },
    ours: Fault {
        heading: "Bei uns ist etwas schiefgegangen",
        advice: "Es liegt nicht an Ihnen. Laden Sie die Seite neu. Wenn das nicht hilft, nennen Sie den \
            Leuten, die diese Seite betreiben, die Nummer unten.",
    },
    number: "Nummer dieser Anfrage:",
};
