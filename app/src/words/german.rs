//! German, with the polite form.
//!
//! The functions take numbers out of constants by `let` and compare no texts. Otherwise the build would
//! put what they share with the pages into further small files, for English readers, too.

use holdfast_client::{Became, CallError, Cause, Code, Ending, Problem, Reload, Told};
use holdfast_protocol::password::{self, MIN_LENGTH, PasswordError};
use holdfast_protocol::recovery_code::{self, RecoveryCodeError};
use holdfast_protocol::session_name::{self, SessionNameError};
use holdfast_protocol::username::{self, UsernameError};
use holdfast_protocol::wire::{EventKind, PasswordEstimate};

use super::parts::{
    Account, Activity, Data, DataToRead, Dates, Devices, Document, EndSessions, Ended, Errors,
    Fields, Frame, Home, KeepCode, Link, Overview, Password, Recover, RecoveryCode, Rules,
    Sessions, SignIn, SignInNotice, SignUp, TimeUnit, Username,
};

pub static DOCUMENT: Document = Document {
    description: "Einmal anmelden, angemeldet bleiben. Was ein Dieb kopiert, nützt ihm bald nichts mehr.",
    no_script: "<p>Holdfast hält Sie mit einem Skript angemeldet. Skripte sind hier \
        ausgeschaltet, deshalb funktionieren die Knöpfe nicht. Erlauben Sie JavaScript für diese \
        Website und <a href=\"\">laden Sie die Seite neu</a>.</p>",
    slow: "Ein Teil dieser Seite ist noch nicht angekommen, deshalb funktionieren die Knöpfe nicht. \
        Sie können warten oder die Seite neu laden.",
    failed: "Ein Teil dieser Seite ist nicht angekommen oder läuft hier nicht, deshalb funktionieren \
        die Knöpfe nicht. Prüfen Sie Ihre Verbindung und laden Sie die Seite neu. Wenn das nicht \
        hilft, erlauben Sie JavaScript und WebAssembly für diese Website, oder nehmen Sie einen \
        anderen Browser.",
    old: "Diese Seite braucht WebAssembly, und dieser Browser führt es nicht aus. Deshalb funktionieren die \
        Knöpfe nicht. Manche Browser schalten es in einem strengen Sicherheitsmodus ab. \
        Erlauben Sie es für diese Website, oder nehmen Sie einen anderen Browser.",
    load_again: "Seite neu laden",
    would_be_lost: "Die Seite wird in der anderen Sprache neu geladen. Was nur auf dieser Seite steht, \
        geht dabei verloren: was Sie eingegeben haben, ein Code, der nur einmal gezeigt wird, oder eine \
        Anmeldung, die dieser Browser nicht speichern kann. Fortfahren?",
};

pub static FRAME: Frame = Frame {
    skip: "Zum Inhalt springen",
    navigation_signed_out: "Website",
    navigation_signed_in: "Konto",
    sign_in: "Anmelden",
    create_account: "Konto anlegen",
    account: "Konto",
    sessions: "Geräte",
    activity: "Aktivität",
    sign_out: "Abmelden",
    slogan: "Einmal anmelden, angemeldet bleiben. Was ein Dieb kopiert, nützt ihm bald nichts mehr.",
    flow: "Wie es funktioniert, für Fachleute",
    updated: "Holdfast wurde in einem anderen Tab aktualisiert. Laden Sie diese Seite neu, um \
        weiterzumachen.",
    reconnecting: "Verbindung wird wiederhergestellt\u{a0}…",
    stores_nothing: "Dieser Browser lässt Holdfast nichts speichern. Sie bleiben angemeldet, bis \
        Sie diese Seite verlassen oder neu laden.",
    is_leaving: "Sie sind in diesem Browser abgemeldet. Der Server weiß es noch nicht. \
        Holdfast versucht es, bis es gelingt.",
    reads_nothing: "Dieser Browser lässt Holdfast nicht lesen, was es gespeichert hat. Wenn Sie \
        schon angemeldet waren, laden Sie die Seite neu.",
    loading_page: "Seite wird geladen\u{a0}…",
    dismiss: "Ausblenden",
    dismiss_this: "Ausblenden dieser Meldung",
    reload: "Diese Seite neu laden",
    loading: "Wird geladen\u{a0}…",
    try_again: "Noch einmal versuchen",
    part_is_missing: "Ein Teil dieser Seite ist nicht angekommen.",
    told,
    waits,
    why,
    offer_heading: "Wiederherstellungscode",
    offer: "Wenn Sie Ihr Passwort vergessen, kommen Sie mit Ihrem Wiederherstellungscode wieder \
        in Ihr Konto. Sie haben noch nicht bestätigt, dass Sie einen aufbewahren.",
    offer_link: "Ihren Code holen",
    missing_page: "Diese Seite ist nicht angekommen",
    missing_page_still: "Die Seite ist immer noch nicht angekommen. Wenn andere Seiten \
        funktionieren, laden Sie diese Seite neu: Vielleicht gibt es eine neuere Fassung.",
    missing_page_hint: "Prüfen Sie Ihre Verbindung und versuchen Sie es noch einmal.",
    load_again: "Seite neu laden",
    not_found: "Seite nicht gefunden",
    not_found_text: "Unter dieser Adresse gibt es nichts. Vielleicht ist sie falsch geschrieben.",
    not_found_link: "Zur Startseite",
};

pub static HOME: Home = Home {
    heading: "Einmal anmelden. Angemeldet bleiben.",
    lead: "Holdfast ist eine Anmeldung, die hält. Sie melden sich am Handy oder Computer einmal an und \
        bleiben monatelang angemeldet. Wenn ein Fremder in Ihr Konto kommt, sehen Sie es und werfen ihn \
        hinaus.",
    alone: "Sie bleiben angemeldet, auch wenn das Handy aus ist, das Netz fehlt oder der Laptop zugeklappt \
        ist. Diese Seite ist nur die Anmeldung. Ein Laden oder ein Verein, der sie benutzt, hat dahinter \
        seine eigenen Seiten.",
    create_account: "Konto anlegen",
    sign_in: "Anmelden",
    your_account: "Ihr Konto",
    how: "So bleiben Sie angemeldet",
    steps: [
        (
            "Alle fünf Minuten ein neuer Ausweis",
            "Ihr Browser zeigt einen Ausweis für alles, was nur für Sie bestimmt ist. Der Ausweis gilt \
             fünf Minuten.",
        ),
        (
            "Ein Schlüssel für neunzig Tage",
            "Ihr Browser hat auch einen Schlüssel und bekommt damit den nächsten Ausweis. Jede \
             Verwendung ändert den Schlüssel. Eine alte Kopie ist deshalb wertlos.",
        ),
        (
            "Sie merken nichts davon",
            "Wenn ein Ausweis abgelaufen ist, holt Ihr Browser einen neuen und fragt noch einmal. Sie \
             können das Handy ausschalten, das Netz verlieren und den Laptop zuklappen.",
        ),
        (
            "Eine Kopie fällt auf",
            "Wenn jemand Ihren Schlüssel kopiert hat, bemerkt Holdfast es, sobald Sie beide ihn \
             verwendet haben. Es meldet dann beide ab, und die Seite sagt Ihnen, warum.",
        ),
    ],
    watch: "Für Fachleute: Schritt für Schritt zusehen",
    picture: "Ein Browser fragt nach einer Seite. Sein Ausweis ist abgelaufen. Er bekommt einen \
        neuen, fragt noch einmal und bekommt die Seite.",
    picture_browser: "Ihr Browser",
    picture_server: "Holdfast",
    picture_lines: [
        "„Meine Seite, bitte.“",
        "„Ihr Ausweis ist abgelaufen.“",
        "„Einen neuen, bitte.“",
        "„Hier ist ein neuer.“",
        "„Meine Seite, bitte.“",
        "„Hier ist sie.“",
    ],
};

pub static OVERVIEW: Overview = Overview {
    signed_in_as: "Angemeldet als",
    sessions: "Wo Sie angemeldet sind",
    only_this: "Nur in diesem Browser",
    count: |sessions| format!("In {sessions} Browsern"),
    newest: "Letzte Anmeldung",
    this_browser: ", dieser Browser",
    another_browser: ", ein anderer Browser",
};

pub static DATES: Dates = Dates {
    locale: "de",
    today: "Heute",
    yesterday: "Gestern",
};

pub static DEVICES: Devices = Devices {
    unknown: "Ein Browser ohne Namen",
    unknown_browser: "Ein Browser",
    on: " auf ",
    systems: [
        "einem Windows-Computer",
        "einem Mac oder iPad",
        "einem Linux-Computer oder -Tablet",
        "einem Android-Handy oder -Tablet",
        "einem iPhone",
        "einem iPad",
        "einem Chromebook",
        "einem FreeBSD-Computer",
    ],
};

pub static ERRORS: Errors = Errors { call: call_error };

pub static RULES: Rules = Rules {
    username_hint: "Keine Leerzeichen, kein ä, ö, ü, ß. Erlaubt sind die Buchstaben a bis z, Ziffern und \
        . _ - @ +, mindestens drei davon. Eine E-Mail-Adresse geht.",
    password_hint,
    hard_to_guess: "Schwer zu erraten.",
    easy_to_guess,
    username: wrong_username,
    password: wrong_password,
};

pub static FIELDS: Fields = Fields {
    username: "Benutzername",
    password: "Passwort",
    new_password: "Neues Passwort",
    show_password: "Passwort anzeigen",
    remember: "In diesem Browser angemeldet bleiben",
    remember_hint: "Nicht an einem Computer, den auch andere benutzen.",
    enter_username: "Geben Sie Ihren Benutzernamen ein.",
    enter_password: "Geben Sie Ihr Passwort ein.",
    not_your_password: "Das ist nicht Ihr Passwort.",
    forgot: "Passwort vergessen? ",
    recover: "Mit dem Wiederherstellungscode ins Konto",
    recover_after: ". Das meldet Sie überall ab.",
    sign_in: "Anmelden",
    signing_in: "Anmeldung läuft\u{a0}…",
};

pub static SIGN_IN: SignIn = SignIn {
    wrong: "Der Benutzername oder das Passwort ist falsch.",
    forgot: "Passwort vergessen? ",
    recover: "Wiederherstellungscode verwenden",
    no_account: "Noch kein Konto? ",
    create_account: "Konto anlegen",
};

pub static SIGN_UP: SignUp = SignUp {
    title: "Konto anlegen",
    heading: "Legen Sie Ihr Konto an",
    submit: "Konto anlegen",
    submitting: "Konto wird angelegt\u{a0}…",
    has_account: "Sie haben schon ein Konto? ",
    sign_in: "Anmelden",
    username_taken: "Diesen Benutzernamen gibt es schon. Wählen Sie einen anderen. Wenn Sie dieses \
        Konto gerade angelegt haben, melden Sie sich an.",
    overtaken: "Ihr Konto ist angelegt. In diesem Browser hat sich inzwischen jemand an- oder \
        abgemeldet. Melden Sie sich an, um es zu benutzen.",
};

pub static RECOVER: Recover = Recover {
    heading: "Wieder in Ihr Konto kommen",
    done: "Ihr neues Passwort gilt. Sie sind überall abgemeldet.",
    shown_again: "Melden Sie sich mit Ihrem neuen Passwort an. Dann sehen Sie Ihren neuen \
        Wiederherstellungscode noch einmal.",
    again: "Noch einmal einen Wiederherstellungscode benutzen",
    remembers: "Passwort doch wieder eingefallen? ",
    sign_in: "Anmelden",
    lead: "Geben Sie den Wiederherstellungscode ein, den Sie aufbewahrt haben, und wählen Sie ein \
        neues Passwort. Damit werden Sie überall abgemeldet.",
    is_signed_in: "In diesem Browser ist jemand angemeldet. Wenn Sie sich danach anmelden, wird diese \
        Person abgemeldet.",
    filled_in: "Ihr Link hat den Benutzernamen und den Code eingetragen. Wählen Sie ein neues Passwort. \
        Damit werden Sie überall abgemeldet.",
    code: "Wiederherstellungscode",
    code_hint: "28 Buchstaben und Ziffern. Lücken, Striche und Großschreibung sind egal.",
    wrong_code,
    wrong_name_or_code: "Der Benutzername oder der Wiederherstellungscode ist falsch. Wenn Sie mehrere \
        Codes erstellt haben, nehmen Sie den neuesten.",
    used_link: "Dieser Link gilt nicht mehr. Ein Link gilt einmal und eine Stunde lang. Wenn Sie \
        damit gerade ein Passwort festgelegt haben, versuchen Sie, sich anzumelden. Bitten Sie sonst die \
        Leute, die diese Seite betreiben, um einen neuen Link.",
    submit: "Neues Passwort festlegen",
    submitting: "Passwort wird festgelegt\u{a0}…",
    renamed_before: "Der Benutzername dieses Kontos wurde geändert. Melden Sie sich von jetzt an als ",
    renamed_after: " an. Wenn Sie ihn nicht geändert haben, können Sie danach einen anderen wählen.",
    next_code: "Das ist Ihr neuer Wiederherstellungscode. Sobald Sie sagen, dass Sie ihn aufbewahrt haben, \
        gilt kein früherer Code mehr.",
    later: "Später anmelden",
    no_code: "Kein Code? Wer diese Seite betreibt, kann Ihnen einen Link schicken, mit dem Sie ein neues Passwort \
        wählen.",
};

pub static KEEP_CODE: KeepCode = KeepCode {
    heading: "Bewahren Sie diesen Code auf",
    lead: "Wenn Sie Ihr Passwort vergessen, kommen Sie mit diesem Code wieder in Ihr Konto. Machen \
        Sie ein Foto von diesem Bildschirm, oder schreiben Sie den Code auf Papier. Bewahren Sie ihn \
        auf, wo sonst niemand hinsieht. Auch eine App, die Ihre Passwörter aufbewahrt, ist gut. Wenn Sie \
        diese Seite verlassen, wird der Code vielleicht nicht noch einmal gezeigt.",
    kept: "Ich habe ihn aufbewahrt",
    unticked: "Bewahren Sie zuerst den Code auf und kreuzen Sie dann dieses Feld an.",
    later: "Später",
    code: "Wiederherstellungscode",
    code_of: |username| format!(" von {username}"),
    copy: "Kopieren",
    copied: "Der Code ist kopiert. Fügen Sie ihn ein, wo nur Sie ihn finden.",
    not_copied: "Das Kopieren hat hier nicht geklappt. Markieren und kopieren Sie den Code selbst, oder \
        schreiben Sie ihn auf.",
    download: "Herunterladen",
    downloaded: "Die Datei ist in Ihren Downloads.",
    print: "Drucken",
    file_name: "holdfast-wiederherstellungscode.txt",
    use_of: |site, day| {
        format!(
            "Erstellt am {day}. Wenn Sie Ihr Passwort vergessen, wählen Sie „{}“ auf der Anmeldeseite von \
             {site} und geben Sie diesen Code ein. Bewahren Sie ihn auf, wo nur Sie ihn finden.",
            "Wiederherstellungscode verwenden"
        )
    },
    file: |code, username, use_of| {
        let of = match username {
            "" => String::new(),
            name => format!(" von {name}"),
        };
        format!("Holdfast-Wiederherstellungscode{of}\n\n{code}\n\n{use_of}\n")
    },
};

pub static RECOVERY_CODE: RecoveryCode = RecoveryCode {
    title: "Wiederherstellungscode",
    heading: "Ihr Wiederherstellungs\u{ad}code",
    go_on: "Weiter",
    going_on: "Einen Moment\u{a0}…",
    not_newest: "Das ist nicht mehr Ihr neuester Wiederherstellungscode. Werfen Sie ihn weg und \
        erstellen Sie einen neuen.",
    updated: "Holdfast wurde in einem anderen Tab aktualisiert. Schreiben Sie den Code auf und laden \
        Sie dann diese Seite neu.",
    lead: "Wenn Sie Ihr Passwort vergessen, kommen Sie mit einem Wiederherstellungscode wieder in Ihr \
        Konto.",
    may_be_made: "Vielleicht hat der Server einen neuen Code erstellt. Dann gilt ein Code nicht mehr, den \
        Sie nicht bestätigt haben. Erstellen Sie einen neuen.",
    submit: "Neuen Code erstellen",
    submitting: "Neuer Code wird erstellt\u{a0}…",
    none_yet: "Sie haben noch keinen.",
    made_before: "Sie haben einen Code vom ",
    made_after: ". Wenn Sie einen neuen erstellen, gilt dieser weiter, bis Sie sagen, dass Sie den neuen \
        aufbewahrt haben.",
    not_confirmed_before: "Ihr Code vom ",
    not_confirmed_after: " wurde nie bestätigt. Wenn Sie ihn aufbewahren, gilt er. Wenn Sie einen \
        neuen erstellen, gilt dieser sofort nicht mehr.",
};

pub static ACCOUNT: Account = Account {
    heading: "Ihr Konto",
    account: "Konto",
    signed_in_as: "Angemeldet als ",
    member_since: "Konto seit",
    check: "Meine Anmeldung prüfen",
    checking: "Wird geprüft\u{a0}…",
    checked: "Sie sind angemeldet.",
    this_session: "Dieser Browser",
    renewed: "Zuletzt benutzt",
    ends: "Angemeldet längstens bis",
    idle_ends: "Wenn Sie wegbleiben, nur bis",
    remembered: "Zum späteren der beiden Zeitpunkte müssen Sie sich auf jeden Fall neu anmelden.",
    not_remembered: "Wenn Sie den Browser schließen, werden Sie schon vorher abgemeldet.",
    sign_out: "Abmelden",
    all_sessions: "Wo Sie angemeldet sind",
    username: Link {
        heading: "Benutzername",
        text: "Wählen Sie einen anderen Namen für die Anmeldung.",
        link: "Benutzernamen ändern",
    },
    password: Link {
        heading: "Passwort",
        text: "Sie können es ändern. Danach sind Sie nur noch hier angemeldet.",
        link: "Passwort ändern",
    },
    recovery: Link {
        heading: "Wiederherstellungscode",
        text: "Damit kommen Sie wieder in Ihr Konto, wenn Sie Ihr Passwort vergessen.",
        link: "Ihr Code",
    },
    data: Link {
        heading: "Ihre Daten",
        text: "Laden Sie eine Kopie von allem herunter, was über Sie gespeichert ist, oder löschen Sie \
            Ihr Konto.",
        link: "Herunterladen oder löschen",
    },
};

pub static SESSIONS: Sessions = Sessions {
    heading: "Wo Sie angemeldet sind",
    lead: "Hier steht jeder Browser, in dem Sie angemeldet sind, auf dem Handy und auf jedem Computer. Ein \
        Browser, den Sie hier abmelden, ist innerhalb einer Sekunde abgemeldet.",
    ended: |device| format!("{device} ist abgemeldet."),
    ended_unnamed: "Der andere Browser ist abgemeldet.",
    all_ended: "Alle anderen Browser sind abgemeldet.",
    list: "Geräte",
    end_all_question: "In allen anderen Browsern abmelden?",
    end_all: "In allen anderen Browsern abmelden",
    this_browser: "Dieser Browser",
    device: "Gerät",
    signed_in: "Angemeldet",
    last_used: "Zuletzt benutzt",
    ends: "Angemeldet längstens bis",
    connection: "Verbindung (für Fachleute)",
    end: "Abmelden",
    end_of: |device| format!("Abmelden: {device}"),
    rename: "Umbenennen",
    rename_of: |device| format!("Umbenennen: {device}"),
    name: "Name des Browsers",
    name_hint: "Höchstens 64 Zeichen. Lassen Sie das Feld leer, um nur das Gerät zu sehen.",
    wrong_name: wrong_session_name,
    save: "Speichern",
    saving: "Wird gespeichert\u{a0}…",
    saved: "Gespeichert.",
    name_removed: "Der Name wurde entfernt.",
};

pub static END_SESSIONS: EndSessions = EndSessions {
    question: |device| format!("Abmelden: {device}?"),
    confirm: "Bestätigen Sie das mit Ihrem Passwort. Sie bleiben hier angemeldet.",
    wait_or_sign_in: "Wenn Sie nicht warten möchten, melden Sie sich in diesem Browser ab und wieder \
        an. Dann können Sie es gleich versuchen.",
    cancel: "Abbrechen",
    submit: "Abmelden",
    submitting: "Wird abgemeldet\u{a0}…",
};

pub static SIGN_IN_NOTICE: SignInNotice = SignInNotice {
    heading: "Neue Anmeldung in Ihrem Konto",
    signed_in: "Jemand hat sich am ",
    device: " in Ihrem Konto angemeldet. Das Gerät: ",
    was_it_you: ". Waren Sie das?",
    connection: " Verbindung (für Fachleute): ",
    thanks: "Danke. Sie müssen nichts weiter tun.",
    was_me: "Das war ich",
    was_not_me: "Das war ich nicht",
};

pub static ACTIVITY: Activity = Activity {
    heading: "Aktivität",
    lead_before: "Was mit Ihrem Konto geschehen ist. Wenn Sie etwas nicht wiedererkennen, ",
    lead_link: "ändern Sie Ihr Passwort",
    lead_after: ".",
    older: "Ältere anzeigen",
    times: |what, times| format!("{what}, {times}-mal innerhalb einer Stunde"),
    several_devices: "Mehrere Geräte",
    last_at: "zuletzt um ",
    copied: "Jemand hat Ihre Anmeldung kopiert und benutzt. Beide sind abgemeldet, also funktioniert die \
        Kopie nicht mehr. Wählen Sie ein neues Passwort. Haben Sie gerade einen Browser aus einer \
        Sicherung wiederhergestellt? Dann war das die Kopie.",
    guessed: |times| {
        format!(
            "{times} falsche Passwörter an diesem Tag. Wenn Sie das nicht waren, rät vielleicht jemand \
             Ihr Passwort. Diese Versuche wurden abgewiesen. Wenn Sie dasselbe Passwort anderswo \
             benutzen, ändern Sie es."
        )
    },
    at_least: |times| format!("Mindestens {times}"),
    change_password: "Passwort ändern",
    oldest: "Ältere Einträge gibt es nicht.",
    nothing: "In letzter Zeit ist nichts geschehen.",
    kept: |days, number| match days {
        1 => "Einträge werden nach einem Tag gelöscht.".to_owned(),
        _ => format!("Einträge werden nach {number} Tagen gelöscht."),
    },
    what,
    not_confirmed: "Falsches Passwort eingegeben, als Sie angemeldet waren",
    was_signed_out: |browser| format!("{browser} wurde abgemeldet"),
    connection: "Verbindung: ",
};

pub static PASSWORD: Password = Password {
    heading: "Passwort ändern",
    done: "Ihr Passwort ist geändert. Alle anderen Browser sind abgemeldet.",
    not_me: |browser| {
        format!(
            "{browser} ist jetzt abgemeldet. Wer dort war, kennt wahrscheinlich Ihr Passwort. Wählen Sie \
             gleich ein neues."
        )
    },
    other_browser: "Der andere Browser",
    was_known_before: "Kannte jemand Ihr Passwort? Dann ",
    was_known_link: "erstellen Sie nach der Änderung auch einen neuen Wiederherstellungscode",
    was_known_now: "erstellen Sie jetzt auch einen neuen Wiederherstellungscode",
    was_known_after: ".",
    new_code_why: "Wer Ihr Passwort kannte, hat damit vielleicht einen Wiederherstellungscode erstellt. \
        Erstellen Sie jetzt einen neuen: Dann gilt kein früherer mehr.",
    new_code: "Neuen Wiederherstellungscode erstellen",
    wrong: "Das ist nicht Ihr bisheriges Passwort.",
    current: "Bisheriges Passwort",
    submit: "Passwort ändern",
    submitting: "Passwort wird geändert\u{a0}…",
};

pub static USERNAME: Username = Username {
    heading: "Benutzernamen ändern",
    done: |username| {
        format!("Ihr Benutzername ist geändert. Melden Sie sich von jetzt an als {username} an.")
    },
    aside: "Ihren alten Namen kann 30 Tage lang niemand anders wählen, und Sie können ihn in dieser \
        Zeit wieder annehmen. Einen neuen Namen können Sie einmal in 24 Stunden wählen.",
    present_before: "Ihr Benutzername ist ",
    present_after: ".",
    new: "Neuer Benutzername",
    submit: "Benutzernamen ändern",
    submitting: "Benutzername wird geändert\u{a0}…",
    is_present: "Das ist schon Ihr Benutzername.",
    taken: "Diesen Benutzernamen gibt es schon. Wählen Sie einen anderen.",
    not_known: "Es ist nicht bekannt, ob Ihr Benutzername geändert wurde. Versuchen Sie es noch \
        einmal: Wenn er geändert ist, sagt es diese Seite.",
};

pub static DATA: Data = Data {
    heading: "Ihre Daten",
    copy: "Kopie herunterladen",
    copy_lead: "Sie bekommen eine Seite zum Lesen. Darin steht alles, was Holdfast über Sie speichert: Ihr \
        Name, wo Sie angemeldet sind, und Ihre Aktivität. Passwörter und Codes stehen nicht darin.",
    copy_submit: "Ihre Daten herunterladen",
    copy_submitting: "Ihre Daten werden gesammelt\u{a0}…",
    copied: |file| format!("Die Datei ist in Ihren Downloads. Sie heißt {file}."),
    copies_lead: "Es gibt auch eine Datei mit demselben Inhalt für andere Programme. Sie können beide speichern, \
        bis Sie diese Seite verlassen.",
    copy_to_read: "Kopie zum Lesen speichern",
    copy_for_programs: "Datei für andere Programme speichern",
    delete: "Ihr Konto löschen",
    delete_lead: "Das löscht Ihr Konto, Ihren Wiederherstellungscode und Ihre Aktivität und meldet Sie in \
        allen Browsern ab. Das kann nicht rückgängig gemacht werden. Danach \
        kann eine andere Person Ihren Benutzernamen wählen.",
    confirm: "Ihr Benutzername, zur Bestätigung",
    confirm_hint: |username| format!("Geben Sie diesen Namen ein: {username}"),
    confirm_wrong: |username| format!("Geben Sie Ihren Benutzernamen ein: {username}"),
    no_name_yet: "Ihr Name ist noch nicht angekommen. Warten Sie einen Moment und versuchen Sie es \
        noch einmal.",
    may_be_deleted: "Vielleicht hat der Server Ihr Konto gelöscht. Versuchen Sie es noch einmal: Wenn \
        es gelöscht ist, sagt es diese Seite.",
    submit: "Mein Konto löschen",
    submitting: "Ihr Konto wird gelöscht\u{a0}…",
};

pub static DATA_TO_READ: DataToRead = DataToRead {
    title: "Ihre Daten bei Holdfast",
    lead: |date| {
        format!(
            "Das ist alles, was Holdfast über Sie gespeichert hat. Stand: {date}. Passwörter und Codes stehen \
             nicht darin."
        )
    },
    times: "Die Zeiten sind die Ihres Handys oder Computers.",
    nothing: "Hier ist nichts gespeichert.",
    no_name: "Keiner",
    never: "Nie",
    not_yet: "Noch nicht",
    yes: "Ja",
    no: "Nein",
    account: "Ihr Konto",
    username: "Benutzername",
    account_since: "Konto seit",
    password_set: "Passwort festgelegt",
    password_set_before: "Das Passwort davor festgelegt",
    wrong_passwords: "Falsche Passwörter seit der letzten richtigen Anmeldung",
    last_wrong_password: "Letztes falsches Passwort seit der letzten richtigen Anmeldung",
    wrong_passwords_reset: "Neue Versuche mit dem Passwort, erlaubt von den Leuten, die diese Seite betreiben",
    former_usernames: "Ihre früheren Benutzernamen",
    name: "Name",
    given_up: "Benutzt bis",
    reserved_until: "Für Sie reserviert bis",
    recovery_codes: "Wiederherstellungscodes",
    made: "Erstellt",
    confirmed: "Sie haben gesagt, dass Sie ihn aufbewahrt haben",
    reset_link: "Link für ein neues Passwort, von den Leuten, die diese Seite betreiben",
    valid_until: "Gilt bis",
    used: "Benutzt",
    browsers: "Wo Sie angemeldet sind",
    kind: "Browser und Gerät",
    this_browser: "Diese Datei wurde in diesem Browser erstellt",
    signed_in: "Angemeldet",
    last_used: "Zuletzt benutzt",
    remembered: "Sie wollten angemeldet bleiben",
    ends: "Angemeldet längstens bis",
    ends_unused: "Ohne Benutzung bleiben Sie angemeldet für",
    notices: "Anmeldungen in neuen Browsern, zu denen Sie noch nichts gesagt haben",
    activity: "Was mit Ihrem Konto geschehen ist",
    when: "Wann",
    what: "Was geschehen ist",
    browser: "Welcher Browser",
    technical: "Für Fachleute",
    connection: "Verbindung:",
    says: "Der Browser sagt über sich:",
    ended_says: "Der abgemeldete Browser sagt über sich:",
    account_number: "Nummer des Kontos:",
    sign_in_number: "Nummer der Anmeldung:",
    entry_number: "Nummer des Eintrags:",
    detail: "Einzelheit:",
    renamed: |old, new| format!("Von {old} zu {new}"),
    span: |count, number, unit| {
        let unit = match (unit, count) {
            (TimeUnit::Days, 1) => "\u{a0}Tag",
            (TimeUnit::Days, _) => "\u{a0}Tage",
            (TimeUnit::Hours, 1) => "\u{a0}Stunde",
            (TimeUnit::Hours, _) => "\u{a0}Stunden",
            (TimeUnit::Minutes, 1) => "\u{a0}Minute",
            (TimeUnit::Minutes, _) => "\u{a0}Minuten",
            (TimeUnit::Seconds, 1) => "\u{a0}Sekunde",
            (TimeUnit::Seconds, _) => "\u{a0}Sekunden",
        };
        format!("{number}{unit}")
    },
};

fn told(told: Told) -> &'static str {
    match told {
        Told::PasswordChanged => {
            "Ihr Passwort ist geändert. In diesem Browser hat sich inzwischen jemand an- oder \
             abgemeldet. Melden Sie sich mit dem neuen Passwort an."
        }
        Told::AccountMade => {
            "Ihr Konto ist angelegt. In diesem Browser hat sich inzwischen jemand an- oder \
             abgemeldet. Melden Sie sich an, um es zu benutzen."
        }
        Told::SignInOvertaken => {
            "In diesem Browser hat sich inzwischen jemand an- oder abgemeldet. Deshalb wurde Ihre \
             Anmeldung beendet."
        }
        Told::SignInStays => {
            "Sie haben sich inzwischen in einem anderen Tab wieder angemeldet und sind deshalb noch \
             angemeldet. Melden Sie sich noch einmal ab, wenn Sie das möchten."
        }
        Told::PasswordChange {
            became,
            is_of_another,
        } => what_became(became, is_of_another),
        Told::NoAnswerYet => {
            "Der Server hat noch nicht geantwortet. Diese Seite fragt bis zu zwei Minuten lang nach."
        }
        Told::Recovery(Became::Done) => {
            "Das neue Passwort ist mit dem Wiederherstellungscode festgelegt, und das Konto ist überall \
             abgemeldet. Melden Sie sich mit dem neuen Passwort an."
        }
        Told::Recovery(Became::NotDone) => {
            "Mit dem Wiederherstellungscode wurde kein neues Passwort festgelegt. Versuchen Sie es noch \
             einmal."
        }
        Told::Recovery(Became::NotKnown) => {
            "Es ist nicht bekannt, ob das neue Passwort mit dem Wiederherstellungscode festgelegt wurde. \
             Versuchen Sie zuerst, sich damit anzumelden."
        }
    }
}

fn what_became(became: Became, is_of_another: bool) -> &'static str {
    match (became, is_of_another) {
        (Became::Done, false) => "Ihr Passwort ist geändert. Alle anderen Browser sind abgemeldet.",
        (Became::NotDone, false) => {
            "Ihr Passwort wurde nicht geändert. Versuchen Sie es noch einmal."
        }
        (Became::NotKnown, false) => {
            "Es ist nicht bekannt, ob Ihr Passwort geändert wurde. Versuchen Sie zuerst, sich mit dem \
             neuen Passwort anzumelden."
        }
        (Became::Done, true) => {
            "Das Passwort des Kontos, das hier vorher offen war, ist geändert. Melden Sie sich dort \
             mit dem neuen Passwort an."
        }
        (Became::NotDone, true) => {
            "Das Passwort des Kontos, das hier vorher offen war, wurde nicht geändert."
        }
        (Became::NotKnown, true) => {
            "Es ist nicht bekannt, ob das Passwort des Kontos, das hier vorher offen war, geändert \
             wurde. Versuchen Sie zuerst, sich dort mit dem neuen Passwort anzumelden."
        }
    }
}

fn waits(reload: Reload) -> &'static str {
    match reload {
        Reload::AfterAnswer { is_own: false } => {
            "In diesem Browser hat sich eine andere Person angemeldet. Diese Seite wartet auf eine \
             Antwort des Servers und wird dann neu geladen."
        }
        Reload::AfterAnswer { is_own: true } => {
            "Sie sind angemeldet. Eine andere Anfrage dieser Seite läuft noch. Danach wird die Seite \
             neu geladen."
        }
        Reload::Loading => "Sie sind angemeldet. Ihre Seite wird geladen.",
        Reload::ByPerson { is_own: true } => {
            "Sie sind angemeldet, aber Ihre Seite ist noch nicht geladen."
        }
        Reload::ByPerson { is_own: false } => {
            "In diesem Browser hat sich eine andere Person angemeldet."
        }
    }
}

fn why(ending: Ending) -> &'static str {
    match ending {
        Ending::SignedOut => "Sie haben sich abgemeldet.",
        Ending::SignedOutElsewhere => "Sie haben sich in einem anderen Tab abgemeldet.",
        Ending::Expired => "Ihre Anmeldung ist abgelaufen. Melden Sie sich an, um weiterzumachen.",
        Ending::Ended => "Sie wurden von einem anderen Browser aus abgemeldet.",
        Ending::PasswordChanged => {
            "Ihr Passwort wurde geändert. Melden Sie sich mit dem neuen an. Waren Sie das nicht? Mit Ihrem \
             Wiederherstellungscode kommen Sie wieder in Ihr Konto."
        }
        Ending::Reused => {
            "Sie wurden zu Ihrer Sicherheit abgemeldet: Jemand hat Ihre Anmeldung kopiert und benutzt. \
             Beide sind jetzt abgemeldet. Melden Sie sich wieder an und wählen Sie ein neues Passwort. Haben \
             Sie diesen Browser gerade aus einer Sicherung wiederhergestellt? Dann war das die Kopie."
        }
        Ending::Conflict => {
            "Sie wurden zu Ihrer Sicherheit abgemeldet: Entweder hat jemand anders Ihre Anmeldung benutzt, \
             oder dieser Browser hatte verloren, was er zuletzt gespeichert hatte. Sehen Sie nach der \
             Anmeldung Ihre Aktivität an."
        }
        Ending::TokenUnknown => {
            "Was dieser Browser gespeichert hatte, gilt hier nicht. Melden Sie sich noch einmal an."
        }
        Ending::AccountDisabled => "Wer diese Seite betreibt, hat dieses Konto gesperrt.",
        Ending::AccountDeleted => "Dieses Konto wurde gelöscht.",
        Ending::StorageCleared => {
            "Was dieser Browser für Holdfast gespeichert hatte, wurde gelöscht."
        }
        Ending::KeptInAnotherTab => {
            "Dieser Browser kann Ihre Anmeldung nicht mehr speichern. Nur ein anderer Tab ist noch \
             angemeldet, bis er geschlossen wird."
        }
        Ending::Unknown => "Sie sind nicht mehr angemeldet. Melden Sie sich an, um weiterzumachen.",
        Ending::PageLeft => {
            "Dieser Browser lässt Holdfast nichts speichern. Deshalb wurden Sie abgemeldet, als Sie die \
             Seite verlassen haben."
        }
        Ending::BrowserClosed => {
            "Sie wollten nicht angemeldet bleiben. Deshalb wurden Sie abgemeldet, als Sie den Browser \
             geschlossen haben."
        }
    }
}

/// The server's sentences are in English, so its codes and causes decide. Only the sentence of an
/// application's own code is shown as it came.
fn call_error(error: &CallError) -> String {
    let text = match error {
        CallError::Problem(problem) => return problem_in_words(problem),
        CallError::SignedOut => "Sie sind nicht angemeldet.",
        CallError::SessionChanged => {
            "In diesem Browser hat sich inzwischen eine andere Person angemeldet."
        }
        CallError::Overtaken => {
            "In diesem Browser hat sich inzwischen jemand an- oder abgemeldet. Deshalb wurde diese \
             Anmeldung beendet. Melden Sie sich noch einmal an, wenn Sie das noch möchten."
        }
        CallError::Unreachable { answered: false } => {
            "Der Server ist im Moment nicht erreichbar. Prüfen Sie Ihre Verbindung."
        }
        CallError::Unreachable { answered: true } => {
            "Etwas anderes hat statt Holdfast geantwortet. In manchen Netzen müssen Sie \
             sich zuerst anmelden."
        }
        CallError::UnderWay => {
            "Ihr Passwort wird schon geändert. Warten Sie, bis das fertig ist, höchstens ein paar \
             Minuten."
        }
        CallError::Outdated => {
            "Holdfast wurde in einem anderen Tab aktualisiert. Laden Sie diese Seite neu, um \
             weiterzumachen."
        }
        CallError::NotLoaded => {
            "Ein Teil dieser Seite ist nicht angekommen. Deshalb wurde nichts gesendet. Versuchen Sie \
             es noch einmal. Wenn das nicht hilft, laden Sie diese Seite neu."
        }
        CallError::NotKnown => {
            "Es ist nicht bekannt, ob das geschehen ist. Versuchen Sie zuerst, sich mit dem neuen \
             Passwort anzumelden."
        }
        CallError::NotSendable(_) => {
            "In dieser App stimmt etwas nicht. Deshalb wurde das nicht gesendet. Das ist nicht Ihr \
             Fehler."
        }
    };
    text.to_owned()
}

fn problem_in_words(problem: &Problem) -> String {
    problem
        .cause
        .and_then(|cause| cause_in_words(problem.code, cause, problem.retry_after))
        .unwrap_or_else(|| code_in_words(problem))
}

/// As much as the server's sentence about the cause. `None` for a cause of a newer server, and for one
/// that the code does not have.
fn cause_in_words(code: Code, cause: Cause, retry_after: Option<u32>) -> Option<String> {
    if !code.may_have(cause) {
        return None;
    }
    let text = match cause {
        Cause::Empty | Cause::TooShort | Cause::TooLong | Cause::ForbiddenCharacter => {
            return broken_rule(code, cause);
        }
        Cause::EdgeCharacter => return Some(wrong_username(UsernameError::Edge)),
        Cause::InPassword => {
            "Ihr Passwort enthält diesen Namen. Wählen Sie einen anderen Namen, oder ändern Sie \
             zuerst das Passwort."
        }
        Cause::ChangedLately => return Some(changed_lately(retry_after)),
        Cause::TooManyReserved => {
            "Für Ihr Konto sind so viele frühere Namen reserviert, dass keiner mehr dazukommen kann. \
             Ein Name bleibt 30 Tage lang reserviert. Einen davon können Sie jederzeit wieder annehmen."
        }
        Cause::Unchanged => "Dieses Passwort haben Sie schon. Wählen Sie ein anderes.",
        Cause::SimplePattern => return Some(wrong_password(PasswordError::Expected)),
        Cause::EasyToGuess
        | Cause::WellKnownExample
        | Cause::Top10Password
        | Cause::Top100Password
        | Cause::CommonPassword
        | Cause::LikeCommonPassword
        | Cause::KeyboardRow
        | Cause::KeyboardPattern
        | Cause::RepeatedCharacter
        | Cause::RepeatedPattern
        | Cause::Sequence
        | Cause::RecentYear
        | Cause::Date
        | Cause::SingleWord
        | Cause::SingleName
        | Cause::CommonName => return Some(too_easy(cause)),
        Cause::TooManyFailures => return Some(too_many_failures(retry_after)),
        Cause::WrongPassword => FIELDS.not_your_password,
        Cause::WrongRecoveryCode => RECOVER.wrong_name_or_code,
        Cause::NoSuchSession => "Der andere Browser ist schon abgemeldet.",
        Cause::NotTheRecoveryCode => RECOVERY_CODE.not_newest,
        Cause::Saturated => {
            "Im Moment melden sich zu viele Menschen an. Versuchen Sie es in ein paar Sekunden noch \
             einmal."
        }
        Cause::OtherSite => "Eine Seite einer anderen Website darf das nicht.",
        Cause::TooSlow => {
            "Ihre Anfrage ist nicht rechtzeitig angekommen. Versuchen Sie es noch einmal."
        }
        Cause::MediaType => {
            "Diese Anfrage hat nicht die Form, die der Server erwartet. Das ist nicht Ihr Fehler."
        }
        Cause::Unknown => return None,
    };
    Some(text.to_owned())
}

/// A rule that the browser checks, too. The same cause is about a username, a password or the name of a
/// browser.
fn broken_rule(code: Code, cause: Cause) -> Option<String> {
    let text = match code {
        Code::UsernameNotAccepted => wrong_username(match cause {
            Cause::Empty => UsernameError::Empty,
            Cause::TooShort => UsernameError::TooShort,
            Cause::TooLong => UsernameError::TooLong,
            Cause::ForbiddenCharacter => UsernameError::Character,
            _ => return None,
        }),
        Code::PasswordNotAccepted => wrong_password(match cause {
            Cause::Empty => PasswordError::Empty,
            Cause::TooShort => PasswordError::TooShort,
            Cause::TooLong => PasswordError::TooLong,
            Cause::ForbiddenCharacter => PasswordError::ControlCharacter,
            _ => return None,
        }),
        Code::SessionNameNotAccepted => wrong_session_name(match cause {
            Cause::Empty => SessionNameError::Empty,
            Cause::TooLong => SessionNameError::TooLong,
            Cause::ForbiddenCharacter => SessionNameError::Character,
            _ => return None,
        }),
        _ => return None,
    };
    Some(text)
}

/// What the hint says about a password that the server would not accept.
fn easy_to_guess(estimate: &PasswordEstimate) -> String {
    estimate
        .cause
        .and_then(|cause| cause_in_words(Code::PasswordNotAccepted, cause, None))
        .unwrap_or_else(|| too_easy(Cause::EasyToGuess))
}

/// Why a password is easy to guess, and what to do.
fn too_easy(cause: Cause) -> String {
    let said = "Dieses Passwort ist zu leicht zu erraten.";
    let advice = "Nehmen Sie vier oder fünf Wörter, die nichts miteinander zu tun haben.";
    let reason = match cause {
        Cause::WellKnownExample => "Es ist ein bekanntes Beispiel.",
        Cause::Top10Password => "Es gehört zu den zehn häufigsten Passwörtern.",
        Cause::Top100Password => "Es gehört zu den hundert häufigsten Passwörtern.",
        Cause::CommonPassword => "Es ist ein sehr häufiges Passwort.",
        Cause::LikeCommonPassword => "Es ist einem häufigen Passwort ähnlich.",
        Cause::KeyboardRow => "Tasten, die in einer Reihe liegen, errät man leicht.",
        Cause::KeyboardPattern => "Kurze Muster auf der Tastatur errät man leicht.",
        Cause::RepeatedCharacter => "Wiederholungen wie „aaa“ errät man leicht.",
        Cause::RepeatedPattern => {
            "Wiederholungen wie „abcabcabc“ errät man kaum schwerer als „abc“."
        }
        Cause::Sequence => "Folgen wie „abc“ oder „6543“ errät man leicht.",
        Cause::RecentYear => "Jahreszahlen aus den letzten Jahrzehnten errät man leicht.",
        Cause::Date => "Ein Datum errät man oft leicht.",
        Cause::SingleWord => "Ein Wort allein errät man leicht.",
        Cause::SingleName => "Vornamen und Nachnamen allein errät man leicht.",
        Cause::CommonName => "Häufige Vornamen und Nachnamen errät man leicht.",
        _ => return format!("{said} {advice}"),
    };
    format!("{said} {reason} {advice}")
}

fn changed_lately(retry_after: Option<u32>) -> String {
    let when = match retry_after {
        Some(seconds) => format!(" Das geht wieder in {}.", pause(seconds)),
        None => String::new(),
    };
    format!(
        "Sie können Ihren Benutzernamen einmal in 24 Stunden ändern.{when} Ihren letzten Namen \
         können Sie jederzeit wieder annehmen."
    )
}

fn too_many_failures(retry_after: Option<u32>) -> String {
    let when = match retry_after {
        Some(seconds) => format!("in {}", pause(seconds)),
        None => "später".to_owned(),
    };
    format!(
        "Für diesen Benutzernamen wurden zu viele falsche Passwörter eingegeben. Versuchen Sie es \
         {when} noch einmal, oder melden Sie sich in einem Browser an, in dem Sie schon angemeldet \
         waren."
    )
}

/// Less than [`cause_in_words`], for a server that says no cause, and for a code that has none.
fn code_in_words(problem: &Problem) -> String {
    let text = match problem.code {
        Code::Other(_) => return problem.detail.clone(),
        Code::AccessTokenMissing
        | Code::AccessTokenInvalid
        | Code::AccessTokenExpired
        | Code::SessionEnded
        | Code::RefreshTokenInvalid
        | Code::RefreshTokenExpired
        | Code::RefreshTokenReused => {
            "Sie sind hier nicht mehr angemeldet. Melden Sie sich noch einmal an."
        }
        Code::RefreshConflict => "Eine andere Anfrage war schneller. Versuchen Sie es noch einmal.",
        Code::InvalidCredentials => "Der Benutzername oder das Passwort ist falsch.",
        Code::UsernameTaken => "Diesen Benutzernamen gibt es schon. Wählen Sie einen anderen.",
        Code::UsernameNotAccepted => {
            "Dieser Benutzername geht nicht. Vielleicht steht er in Ihrem Passwort, oder Sie haben \
             Ihren Namen in den letzten 24 Stunden geändert, oder es sind schon zu viele frühere \
             Namen für Sie reserviert. Einen Namen, den Sie vorher hatten, können Sie immer \
             wieder annehmen."
        }
        Code::PasswordNotAccepted => {
            "Dieses Passwort ist zu leicht zu erraten, oder Sie haben es schon. Nehmen Sie vier oder \
             fünf Wörter, die nichts miteinander zu tun haben."
        }
        Code::SessionNameNotAccepted => {
            "Dieser Name geht nicht. Ein Name darf höchstens 64 Zeichen haben, und keines davon darf \
             unsichtbar sein."
        }
        Code::AccountDisabled => "Dieses Konto wurde gesperrt.",
        Code::TooManyAttempts => "Zu viele Versuche.",
        Code::MalformedRequest | Code::MethodNotAllowed => {
            "Der Server nimmt diese Anfrage nicht an. Das ist nicht Ihr Fehler."
        }
        Code::PayloadTooLarge => "Das ist zu lang.",
        Code::NotFound => "Das gibt es nicht oder nicht mehr.",
        Code::TemporarilyUnavailable => {
            "Der Dienst kann im Moment nicht antworten. Versuchen Sie es in ein paar Sekunden noch \
             einmal."
        }
        Code::Internal => {
            "Auf unserer Seite ist etwas schiefgegangen. Der Fehler wurde aufgezeichnet."
        }
        Code::Unknown => "Der Server hat das abgelehnt.",
    };
    let may_repeat = matches!(
        problem.code,
        Code::TooManyAttempts | Code::Internal | Code::Unknown
    );
    match problem.retry_after {
        Some(seconds) if seconds > 1 && may_repeat => {
            let pause = pause(seconds);
            format!("{text} Versuchen Sie es in {pause} noch einmal.")
        }
        _ => text.to_owned(),
    }
}

/// The same times as those of `pause_in_words`.
fn pause(seconds: u32) -> String {
    match seconds {
        0 | 1 => "einer Sekunde".to_owned(),
        2..=90 => format!("{seconds} Sekunden"),
        91..=5400 => format!("{} Minuten", seconds.div_ceil(60)),
        _ => format!("{} Stunden", seconds.div_ceil(60 * 60)),
    }
}

fn password_hint(length: usize) -> String {
    let least = MIN_LENGTH;
    match length {
        0 => format!(
            "Mindestens {least} Zeichen. Vier oder fünf Wörter ohne Zusammenhang kann man sich leicht \
             merken."
        ),
        length if length < least => match least - length {
            1 => "Noch ein Zeichen.".to_owned(),
            more => format!("Noch {more} Zeichen."),
        },
        _ => "Lang genug.".to_owned(),
    }
}

fn wrong_username(why: UsernameError) -> String {
    let (least, most) = (username::MIN_LENGTH, username::MAX_LENGTH);
    match why {
        UsernameError::Empty => "Geben Sie einen Benutzernamen ein.".to_owned(),
        UsernameError::TooShort => format!("Ein Benutzername braucht mindestens {least} Zeichen."),
        UsernameError::TooLong => format!("Ein Benutzername darf höchstens {most} Zeichen haben."),
        UsernameError::Character => {
            "Ein Benutzername darf nur die Buchstaben a bis z, Ziffern und die Zeichen . _ - @ + haben, \
             aber keine Leerzeichen."
                .to_owned()
        }
        UsernameError::Edge => {
            "Ein Benutzername muss mit einem Buchstaben oder einer Ziffer beginnen \
             und enden."
                .to_owned()
        }
    }
}

fn wrong_session_name(why: SessionNameError) -> String {
    let most = session_name::MAX_LENGTH;
    match why {
        SessionNameError::Empty => "Ein Name braucht mindestens ein Zeichen.".to_owned(),
        SessionNameError::TooLong => format!("Ein Name darf höchstens {most} Zeichen haben."),
        SessionNameError::Character => {
            "Dieser Name enthält ein unsichtbares Zeichen. Tippen Sie den Namen, statt ihn \
             einzufügen."
                .to_owned()
        }
    }
}

fn wrong_password(why: PasswordError) -> String {
    let (least, most) = (MIN_LENGTH, password::MAX_LENGTH);
    match why {
        PasswordError::Empty => "Geben Sie ein Passwort ein.".to_owned(),
        PasswordError::TooShort => format!(
            "Ein Passwort braucht mindestens {least} Zeichen. Vier oder fünf Wörter ohne \
             Zusammenhang kann man sich leicht merken."
        ),
        PasswordError::TooLong => format!("Ein Passwort darf höchstens {most} Zeichen haben."),
        PasswordError::ControlCharacter => {
            "Ein Passwort darf keine unsichtbaren Zeichen wie ein Zeilenende haben. Leerzeichen sind \
             erlaubt."
                .to_owned()
        }
        PasswordError::Expected => {
            "Dieses Passwort ist zu leicht zu erraten: Es wiederholt ein Wort oder einen Buchstaben, folgt \
             einer Reihe wie 1234, abcd oder asdf, oder es enthält Ihren Benutzernamen. Wählen Sie ein anderes."
                .to_owned()
        }
    }
}

fn wrong_code(why: RecoveryCodeError) -> String {
    let right = recovery_code::LENGTH;
    match why {
        RecoveryCodeError::Empty => "Geben Sie Ihren Wiederherstellungscode ein.".to_owned(),
        RecoveryCodeError::ForeignCharacter => "Ein Wiederherstellungscode hat nur Buchstaben und \
             Ziffern, in Vierergruppen. Vergleichen Sie ihn mit dem, was Sie aufbewahrt haben."
            .to_owned(),
        RecoveryCodeError::Length(length) => format!(
            "Ein Wiederherstellungscode hat {right} Buchstaben und Ziffern; dieser hat {length}. \
             Vergleichen Sie ihn mit dem, was Sie aufbewahrt haben."
        ),
        RecoveryCodeError::Mistyped => {
            "In diesem Code ist ein Tippfehler. Vergleichen Sie ihn mit \
             dem, was Sie aufbewahrt haben."
                .to_owned()
        }
    }
}

fn what(kind: EventKind, ended: Ended) -> &'static str {
    match kind {
        EventKind::SignUp => "Konto angelegt",
        EventKind::SignIn => "Angemeldet",
        EventKind::SignInFailed => "Falsches Passwort bei der Anmeldung",
        EventKind::SignOut => "Abgemeldet",
        EventKind::SessionEnded => match ended {
            Ended::Expired => "Anmeldung abgelaufen",
            Ended::PasswordChanged => "Durch das neue Passwort abgemeldet",
            Ended::Reuse => "Zu Ihrer Sicherheit abgemeldet",
            Ended::SecretReplaced => "Zur Sicherheit abgemeldet: Alle mussten sich neu anmelden",
            Ended::AccountDisabled => "Abgemeldet, weil das Konto gesperrt wurde",
            Ended::Elsewhere => "Von einem anderen Browser aus abgemeldet",
        },
        EventKind::RefreshTokenReused => {
            "Eine Kopie Ihrer Anmeldung wurde benutzt, deshalb wurden beide abgemeldet"
        }
        EventKind::RefreshRepeated => {
            "Ein Browser hatte keine Antwort bekommen und hat noch einmal gefragt"
        }
        EventKind::RefreshedForward => "Trotz eines Fehlers auf unserer Seite angemeldet geblieben",
        EventKind::PasswordChanged => "Passwort geändert",
        EventKind::UsernameChanged => "Benutzername geändert",
        EventKind::Recovered => "Neues Passwort ohne das alte festgelegt",
        EventKind::RecoveryCodeMade => "Neuer Wiederherstellungscode erstellt",
        EventKind::RecoveryCodeConfirmed => {
            "Sie haben gesagt, dass Sie Ihren Wiederherstellungscode aufbewahrt haben"
        }
        EventKind::AccountDisabled => "Wer diese Seite betreibt, hat Ihr Konto gesperrt",
        EventKind::AccountEnabled => "Wer diese Seite betreibt, hat Ihr Konto wieder geöffnet",
        EventKind::FailuresForgiven => {
            "Wer diese Seite betreibt, hat Ihnen neue Versuche mit dem Passwort erlaubt"
        }
        EventKind::ResetLinkMade => {
            "Wer diese Seite betreibt, hat einen Link für ein neues Passwort erstellt"
        }
        EventKind::Unknown => "Etwas, das diese Seite noch nicht kennt",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The rules whose cause is about a username, a password or the name of a browser.
    const RULES_OF_SEVERAL: [Cause; 4] = [
        Cause::Empty,
        Cause::TooShort,
        Cause::TooLong,
        Cause::ForbiddenCharacter,
    ];

    fn because(code: Code, cause: Cause, retry_after: Option<u32>) -> String {
        let mut problem = Problem::new(code, "The English sentence.");
        problem.cause = Some(cause);
        problem.retry_after = retry_after;
        call_error(&CallError::Problem(problem))
    }

    fn without_cause(code: Code) -> String {
        let problem = Problem::new(code, "The English sentence.");
        call_error(&CallError::Problem(problem))
    }

    #[test]
    fn each_cause_has_a_sentence_of_its_own() {
        let mut cases = Vec::new();
        for code in [
            Code::UsernameNotAccepted,
            Code::PasswordNotAccepted,
            Code::SessionNameNotAccepted,
        ] {
            cases.extend(RULES_OF_SEVERAL.map(|cause| (code, cause)));
        }
        // The name of a browser may have one character.
        cases.retain(|case| *case != (Code::SessionNameNotAccepted, Cause::TooShort));
        let others = Cause::ALL
            .iter()
            .filter(|it| !RULES_OF_SEVERAL.contains(it));
        cases.extend(others.map(|cause| {
            let code = Code::ALL.iter().find(|code| code.may_have(*cause));
            (*code.expect("a code"), *cause)
        }));
        let mut sentences = BTreeSet::new();
        for (code, cause) in cases {
            let text = because(code, cause, None);
            assert!(text.ends_with('.'), "{cause:?}: {text}");
            assert!(!text.contains("English"), "{cause:?}: {text}");
            assert_ne!(text, without_cause(code), "{cause:?}");
            assert!(sentences.insert(text.clone()), "{cause:?}: {text}");
        }
    }

    #[test]
    fn without_a_known_cause_the_code_decides() {
        for &code in Code::ALL {
            assert_eq!(because(code, Cause::Unknown, None), without_cause(code));
        }
        let code = Code::SessionNameNotAccepted;
        assert_eq!(because(code, Cause::TooShort, None), without_cause(code));
    }

    #[test]
    fn a_server_says_what_the_browser_would_have_said() {
        let said = because(Code::UsernameNotAccepted, Cause::EdgeCharacter, None);
        assert_eq!(said, (RULES.username)(UsernameError::Edge));
        let said = because(Code::PasswordNotAccepted, Cause::TooShort, None);
        assert_eq!(said, (RULES.password)(PasswordError::TooShort));
        let said = because(Code::SessionNameNotAccepted, Cause::TooLong, None);
        assert_eq!(said, (SESSIONS.wrong_name)(SessionNameError::TooLong));
        let code = Code::InvalidCredentials;
        let said = because(code, Cause::WrongRecoveryCode, None);
        assert_eq!(said, RECOVER.wrong_name_or_code);
    }

    #[test]
    fn the_hint_about_a_password_has_the_words_of_the_refusal() {
        let mut estimate = PasswordEstimate {
            score: 1,
            warning: Some("The English sentence.".to_owned()),
            cause: Some(Cause::WellKnownExample),
            suggestions: Vec::new(),
        };
        let refusal = because(Code::PasswordNotAccepted, Cause::WellKnownExample, None);
        assert_eq!((RULES.easy_to_guess)(&estimate), refusal);
        assert!(refusal.contains("ein bekanntes Beispiel"), "{refusal}");
        for cause in [None, Some(Cause::Unknown), Some(Cause::EasyToGuess)] {
            estimate.cause = cause;
            let said = (RULES.easy_to_guess)(&estimate);
            assert!(said.contains("erraten. Nehmen Sie"), "{said}");
        }
    }

    #[test]
    fn no_sentence_of_the_server_is_shown_except_those_of_an_application() {
        for &code in Code::ALL {
            let problem = Problem::new(code, "The English sentence.");
            let text = call_error(&CallError::Problem(problem));
            assert!(!text.contains("English"), "{code:?}: {text}");
            assert!(text.ends_with('.'), "{code:?}: {text}");
        }
        let own = holdfast_protocol::problem::OtherCode::new("too_late").expect("a code");
        let problem = Problem::new(Code::Other(own), "Das ist zu spät.");
        let text = call_error(&CallError::Problem(problem));
        assert_eq!(text, "Das ist zu spät.");
    }

    #[test]
    fn a_person_who_has_to_wait_reads_how_long() {
        let told = |retry_after| {
            let mut problem = Problem::new(Code::TooManyAttempts, "");
            problem.retry_after = retry_after;
            call_error(&CallError::Problem(problem))
        };
        assert_eq!(told(None), "Zu viele Versuche.");
        assert_eq!(
            told(Some(40)),
            "Zu viele Versuche. Versuchen Sie es in 40 Sekunden noch einmal."
        );
        assert!(told(Some(600)).contains("in 10 Minuten"));

        let (code, cause) = (Code::TooManyAttempts, Cause::TooManyFailures);
        let said = because(code, cause, Some(900));
        assert!(said.contains("in 15 Minuten noch einmal, oder"));
        let said = because(code, cause, None);
        assert!(said.contains("es später noch einmal, oder"));
        let (code, cause) = (Code::UsernameNotAccepted, Cause::ChangedLately);
        let said = because(code, cause, Some(10 * 60 * 60));
        assert!(said.contains("wieder in 10 Stunden. Ihren letzten"));
        let said = because(code, cause, None);
        assert!(said.contains("in 24 Stunden ändern. Ihren letzten"));
    }
}
