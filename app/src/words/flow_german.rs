//! The page of the flow in German, with the polite form.
//!
//! No text here is also in `german.rs`: the build would put what the two share into a further small file,
//! which every reader of German would load. `server/tests/architecture/words.rs` compares them.

use super::flow_parts::{
    ActionWords, ActionsWords, AnswerWords, CardWords, CountdownWords, DiagramWords, EntryWords,
    EventWords, FlowWords, LineWords, OutcomeWords, RaceWords, RowWords, SpanUnit, StepWords,
    TheftWords, TokenWords,
};

pub static FLOW: FlowWords = FlowWords {
    title: "Der Ablauf",
    lead: "Diese Seite ist für Fachleute. So bleiben Sie angemeldet und ein Dieb draußen: in \
        zehn Schritten. Probieren Sie jeden Schritt mit Ihrer eigenen Sitzung aus, und sehen Sie den \
        Anfragen dieses Browsers zu.",
    list: "Die zehn Schritte",
    seen: ", hier gesehen",
    steps: STEPS,
    card: CardWords {
        needs_session: "Dafür brauchen Sie eine Sitzung. Nach der Anmeldung kommen Sie zu diesem Schritt \
            zurück.",
        signed_in: "Sie sind angemeldet. Wenn Sie es hier sehen möchten, melden Sie sich in Schritt 9 ab \
            und danach wieder an.",
        files: "Hier wird es entschieden",
    },
    actions: ACTIONS,
    outcomes: OUTCOMES,
    diagram: DiagramWords {
        heading: "Was geschieht",
        clear: "Leeren",
        label: "Das Diagramm",
        empty: "Noch nichts. Drücken Sie eine Schaltfläche eines Schritts: Die Anfragen dieses Browsers \
            werden hier gezeichnet, während sie geschehen.",
        aside: "Das sind die echten Anfragen dieses Browsers. Er sieht die Datenbank nicht. Was dort \
            geschieht, ist deshalb aus der Antwort geschlossen.",
    },
    line: LineWords {
        lanes: ["Person", "Browser", "Server", "Datenbank"],
        lanes_within: ["Person", "Browser", "Server", "Datenbank"],
        note: |step, at| format!("Schritt {step}, {at}: "),
        message: |step, from, to| format!("Schritt {step}, {from} an {to}: "),
    },
    events: EVENTS,
    answers: ANSWERS,
    race: RACE,
    now: "Was jetzt da ist",
    reveal: "Alles ungekürzt zeigen",
    shorten: "Alles kürzen",
    countdown: CountdownWords {
        none: "Kein Zugriffstoken",
        expired: "Das Zugriffstoken ist abgelaufen",
        left: |minutes, seconds| format!("Das Zugriffstoken gilt noch {minutes}:{seconds:02} min"),
    },
    panels: [
        (
            "Das Zugriffstoken",
            "Jeder geschützte Aufruf braucht es. Es gilt ein paar Minuten, und der Server speichert es \
             nicht.",
        ),
        (
            "Das Refresh-Token",
            "Es bringt die nächsten beiden Token, und das nur einmal.",
        ),
        (
            "In diesem Browser",
            "Der lokale Speicher hat eine Kopie für den ersten Moment einer Seite. Wenn sich die beiden \
             unterscheiden, gilt IndexedDB.",
        ),
        (
            "In der Datenbank",
            "Eine Zeile für jede Sitzung. Sie enthält kein Token, also kann der Server Ihres nicht \
             zeigen.",
        ),
    ],
    nothing: "Nichts",
    reading: "Wird gelesen\u{a0}…",
    tokens: TOKENS,
    entries: EntryWords {
        signed_out: "Diese Seite liest den Speicher nur, solange eine Person angemeldet ist. Nach einer \
            Abmeldung bleibt das Refresh-Token, bis der Server das Ende bestätigt hat.",
        stores_nothing: "Dieser Browser speichert nichts von dieser Sitzung: Nur dieser Tab hat sie.",
        not_readable: "Die Seite konnte nicht lesen, was von dieser Sitzung gespeichert ist.",
        local_storage: "Lokaler Speicher",
        database: "IndexedDB",
        attempt_key: "Der Versuchsschlüssel des Refresh-Tokens mit dieser Nummer.",
        count_only: "Nur die Anzahl, denn sie gehören vielleicht zu anderen Sitzungen.",
    },
    row: ROW,
    theft: TheftWords {
        question: "Das beendet Ihre Sitzung, hier und auf dem Server. Unter „Aktivität“ steht danach eine \
            Warnung vor einem kopierten Token, und Sie müssen sich wieder anmelden. Fortfahren?",
        cancel: "Sitzung behalten",
        confirm: "Meine Sitzung beenden",
    },
};

const STEPS: [StepWords; 10] = [
    StepWords {
        name: "Kein Token",
        sentence: "Ein geschützter Aufruf ohne gültiges Zugriffstoken wird mit 401 beantwortet.",
    },
    StepWords {
        name: "Anmeldung",
        sentence: "Eine Person meldet sich mit Benutzername und Passwort an.",
    },
    StepWords {
        name: "Zwei Token",
        sentence: "Der Server antwortet mit einem Zugriffstoken (5 Minuten gültig, wenn nichts anderes \
            eingestellt ist; er speichert es nie) und einem Refresh-Token (90 Tage gültig, wenn nichts \
            anderes eingestellt ist; er speichert nur einen Hash davon).",
    },
    StepWords {
        name: "Gespeichert",
        sentence: "Der Browser legt beide in seinem Speicher ab.",
    },
    StepWords {
        name: "Ein Aufruf",
        sentence: "Jeder Aufruf enthält das Zugriffstoken; der Server prüft es ohne die Datenbank.",
    },
    StepWords {
        name: "Abgelaufen",
        sentence: "Wenn das Zugriffstoken abgelaufen ist, legt der Browser das Refresh-Token vor.",
    },
    StepWords {
        name: "Rotation",
        sentence: "Der Server tauscht das Refresh-Token aus: Er antwortet mit einem neuen Refresh-Token, \
            das dasselbe Ablaufdatum hat, und mit einem neuen Zugriffstoken.",
    },
    StepWords {
        name: "Wiederholt",
        sentence: "Der Browser speichert das neue Paar und sendet den Aufruf mit dem neuen Zugriffstoken. \
            Er wiederholt einen Aufruf nur, wenn der Server das Zugriffstoken dieses Aufrufs abgelehnt \
            hat. Die Person merkt nichts davon.",
    },
    StepWords {
        name: "Abmeldung",
        sentence: "Die Abmeldung löscht das Refresh-Token auf dem Server und beide Token im Browser.",
    },
    StepWords {
        name: "Abgelehnt",
        sentence: "Der Server lehnt ein abgelaufenes oder ungültiges Refresh-Token ab. Dann leert der \
            Browser seinen Speicher.",
    },
];

const ACTIONS: ActionsWords = ActionsWords {
    call_without_token: ActionWords {
        text: "Ohne Token aufrufen",
        hint: "Das braucht keine Sitzung.",
        done: "",
    },
    read_storage: ActionWords {
        text: "Den Speicher noch einmal lesen",
        hint: "",
        done: "Er wird weiter unten gezeigt: „In diesem Browser“.",
    },
    call: ActionWords {
        text: "Eine geschützte Adresse aufrufen",
        hint: "",
        done: "Der Aufruf wurde mit 200 beantwortet.",
    },
    expire_and_call: ActionWords {
        text: "Das Zugriffstoken ablaufen lassen und aufrufen",
        hint: "Für diesen Tab gilt sein Zugriffstoken als abgelaufen. Er erneuert es zuerst und sendet \
            danach den Aufruf.",
        done: "Der Aufruf wurde mit 200 beantwortet.",
    },
    renew: ActionWords {
        text: "Jetzt erneuern",
        hint: "",
        done: "Beide Token sind neu.",
    },
    lose_answer: ActionWords {
        text: "Eine Antwort verlieren und noch einmal holen",
        hint: "Der Server antwortet mit neuen Token, und diese Seite wirft sie weg. Der Client sendet \
            dieselbe Anfrage noch einmal, mit demselben Versuchsschlüssel.",
        done: "Die Antwort ging verloren, und dieser Tab hat jetzt neue Token. Das Diagramm zeigt, wie er \
            sie bekommen hat.",
    },
    race: ActionWords {
        text: "In zwei Tabs gleichzeitig erneuern",
        hint: "Öffnet diese Seite in einem zweiten Tab, wenn es keinen gibt. Dann erneuern beide Tabs ihre \
            Token im selben Moment, ohne die Sperre, auf die sie sonst warten.",
        done: "",
    },
    call_with_refused_token: ActionWords {
        text: "Mit einem Token aufrufen, das der Server ablehnt",
        hint: "Ein Zeichen der Signatur ist geändert. Der Server antwortet mit 401, der Client erneuert \
            die Token und sendet den Aufruf noch einmal.",
        done: "Der Aufruf wurde beim zweiten Versuch mit 200 beantwortet.",
    },
    sign_out: ActionWords {
        text: "Hier abmelden",
        hint: "",
        done: "Die Abmeldung hat begonnen. Das Diagramm zeigt, wie sie weitergeht.",
    },
    present_made_up: ActionWords {
        text: "Ein ungültiges Refresh-Token senden",
        hint: "Das schadet nichts und braucht keine Sitzung.",
        done: "",
    },
    steal: ActionWords {
        text: "Ein altes Refresh-Token senden",
        hint: "Was ein Dieb mit einer Kopie tun würde: Die Kopie wird gemacht, dieser Browser erneuert \
            zweimal seine Token, und dann kommt die Kopie zurück. Der Server beendet die Sitzung.",
        done: "Der Server hat die Sitzung beendet. Sie und der Dieb sind abgemeldet, und jede Seite sagt, \
            warum.",
    },
};

const OUTCOMES: OutcomeWords = OutcomeWords {
    all_you_see: "Auf jeder anderen Seite ist diese Antwort alles, was Sie sehen",
    not_renewed: "Bisher gibt es keine neuen Token. Das Diagramm zeigt die Anfragen und ihre Antworten. \
        Nach einem Fehler kann der Client warten, bevor er die nächste Anfrage sendet.",
    has_to_wait: "Eine andere Erneuerung dieser Seite läuft noch, also ist nichts geschehen. Versuchen Sie \
        es danach noch einmal.",
    nothing_lost: "Beide Token sind neu, aber keine Antwort ging verloren: Eine andere Erneuerung war \
        schneller.",
    copies: |generation| format!("Ein Dieb kopiert Refresh-Token {generation}"),
    presents: |generation| format!("Der Dieb legt die Kopie von Refresh-Token {generation} vor"),
    learns_later: "Der Server hat die Sitzung beendet. Dieser Tab erfährt es bei seinem nächsten Aufruf.",
    theft_not_seen: "Der Server hat den Diebstahl nicht bemerkt.",
    refused: |status, code| format!("Der Server hat abgelehnt: {status} {code}."),
};

const EVENTS: EventWords = EventWords {
    name_and_password: "Name und Passwort",
    access_token: "Zugriffstoken",
    refresh_token: "Refresh-Token",
    numbered_refresh_token: |generation| format!("Refresh-Token {generation}"),
    no_token: "kein Token",
    another_program: |status| {
        format!("{status}, aber nicht von diesem Server: Ein anderes Programm hat geantwortet")
    },
    no_answer: "Keine Antwort",
    thrown_away: "Diese Seite wirft die Antwort weg, als wäre sie nicht angekommen",
    repeated: "Der Aufruf wird noch einmal gesendet, mit dem neuen Zugriffstoken",
    key_made: |attempt| format!("Zuerst wird ein Versuchsschlüssel erzeugt ({attempt})"),
    key_stored: |attempt| format!("Zuerst wird ein Versuchsschlüssel gespeichert ({attempt})"),
    same_key: |attempt| format!("Noch einmal derselbe Versuchsschlüssel ({attempt})"),
    unknown_key: |attempt| {
        format!("Ein neuer Versuchsschlüssel ({attempt}), den dieser Browser nie benutzt hat")
    },
    tokens_stored: "Beide Token sind gespeichert",
    tokens_in_this_tab: "Dieser Browser speichert nichts, also hat nur dieser Tab die Token",
    signed_in_elsewhere: "In einem anderen Tab hat sich die Person angemeldet: Dieser Tab benutzt dessen \
        Token",
    pair_stored: |generation| format!("Das neue Paar ist gespeichert: Refresh-Token {generation}"),
    pair_in_this_tab: |generation| {
        format!("Nur dieser Tab hat das neue Paar: Refresh-Token {generation}")
    },
    renewed_elsewhere: |generation| {
        format!(
            "Ein anderer Tab hat die Token erneuert: Dieser Tab benutzt Refresh-Token {generation}"
        )
    },
    access_token_deleted: "Das Zugriffstoken ist gelöscht. Das Refresh-Token bleibt, bis der Server das Ende \
        bestätigt hat",
    tokens_deleted: "Beide Token sind gelöscht",
    storage_deleted: "Was dieser Browser gespeichert hatte, wurde gelöscht",
    kept_elsewhere: "Dieser Browser speichert nichts mehr: Nur noch ein anderer Tab hat die Sitzung",
    signed_out_elsewhere: "In einem anderen Tab hat sich die Person abgemeldet",
    ended_elsewhere: "Ein anderer Tab hat bemerkt, dass die Sitzung beendet ist",
    session_over: "Die Sitzung ist beendet, und dieser Browser hat gesagt, warum",
    sign_out_confirmed: "Der Server hat es bestätigt: Das Refresh-Token ist jetzt auch hier gelöscht",
};

const ANSWERS: AnswerWords = AnswerWords {
    insert_session: "die Sitzung eintragen, mit dem Hash ihres Refresh-Tokens",
    answer_session: "Zugriffstoken, Refresh-Token 0",
    delete_session: "die Sitzung löschen, ihr Ende vermerken",
    answer_over: "die Sitzung ist beendet",
    select_row: "die Zeile dieser Sitzung lesen",
    answer_row: "für den Kasten „In der Datenbank“",
    call_accepted: "Signatur, Aussteller und Zeit stimmen: keine Abfrage für die Sitzung",
    is_current: |next| {
        format!(
            "Token {next} ist schon das neueste: noch einmal dieselbe Anfrage, also ändert sich nichts"
        )
    },
    answer_same: |next| {
        format!("noch einmal dasselbe Refresh-Token {next}, ein frisches Zugriffstoken")
    },
    replaces: |next, before| {
        format!(
            "der Hash von Token {next} ersetzt den von Token {before}; oder es ändert sich nichts, wenn \
             diese Anfrage schon ausgeführt war"
        )
    },
    answer_next: |next| {
        format!("Refresh-Token {next} mit demselben letzten Tag, ein frisches Zugriffstoken")
    },
    not_current: "das Token ist nicht das neueste: Eine andere Anfrage war schneller, nichts ändert sich",
    reused: "ein altes Token, für das es keine Erklärung gibt: die Sitzung löschen, „reuse“ vermerken",
    wrong_mac: "Dieser Server hat das Token nicht erzeugt (falscher MAC): ohne Abfrage abgelehnt",
    too_old: "der letzte Tag ist vorbei, oder zu lange nicht benutzt: die Sitzung löschen",
    ended_before: "Diese Sitzung war schon beendet",
    access_token_expired: "Das Zugriffstoken ist abgelaufen",
    access_token_not_accepted: "Die Signatur oder ein Claim des Zugriffstokens gilt hier nicht",
    ended: "Diese Sitzung steht auf der Liste der beendeten",
};

const RACE: RaceWords = RaceWords {
    opening: "Der zweite Tab wird geöffnet. Beide Tabs erneuern ihre Token, sobald er da ist.",
    awaited: "Beide Tabs erneuern ihre Token, sobald es einen zweiten Tab mit dieser Seite gibt.",
    not_opened: "Der Browser hat diese Seite keinen Tab öffnen lassen. Öffnen Sie diese Seite in einem \
        zweiten Tab: Beide Tabs erneuern ihre Token, wenn er da ist.",
    under_way: "Die beiden Tabs erneuern ihre Token schon.",
    none_came: "Es ist kein zweiter Tab mit dieser Sitzung gekommen, also wurde nichts erneuert.",
    other_silent: "Dieser Tab ist fertig. Der andere Tab hat nicht gesagt, was er getan hat.",
    other_left: "Der andere Tab wurde verlassen, bevor er gesagt hatte, was er getan hat.",
    same_request: "Beide Tabs haben dieselbe Anfrage gesendet und dasselbe Refresh-Token bekommen.",
    this_faster: "Dieser Tab war schneller: Der andere Tab übernimmt die Token von diesem.",
    other_faster: "Der andere Tab war schneller: Dieser Tab übernimmt die Token von ihm.",
    see_diagram: "Das Diagramm sagt, was jeder der beiden Tabs getan hat.",
    stores_nothing: "Nur dieser Tab hat die Sitzung, weil dieser Browser nichts speichert.",
    no_database: "Dieser Browser gibt der Seite keine Datenbank. Ohne sie könnten zwei gleichzeitige \
        Erneuerungen die Sitzung beenden, also wurde nichts erneuert.",
    other_sent: |generation, attempt, status| {
        format!(
            "Der andere Tab hat Refresh-Token {generation} mit dem Versuchsschlüssel {attempt} gesendet \
             und die Antwort {status} bekommen"
        )
    },
    other_sent_nothing: "Der andere Tab hat nichts gesendet und benutzt die neuen Token",
    other_not_renewed: "Der andere Tab hat keine neuen Token bekommen",
};

const TOKENS: TokenWords = TokenWords {
    none: "Niemand ist angemeldet, also wird kein Token gezeigt.",
    access: [
        ("Header", "Wie es signiert ist, und mit welchem Schlüssel."),
        (
            "Claims",
            "Für wen es gilt, und wie lange. Zeiten sind Unix-Sekunden.",
        ),
        (
            "Signatur",
            "Der Server prüft sie mit seinem öffentlichen Schlüssel, ohne eine Abfrage.",
        ),
    ],
    refresh: [
        (
            "Präfix",
            "Daran erkennen es Programme, die nach Geheimnissen suchen.",
        ),
        (
            "Schlüssel",
            "Welcher Schlüssel des Servers es erzeugt hat: ein Hinweis.",
        ),
        ("Sitzung", "Sie bleibt dieselbe."),
        ("Generation", "Mit jeder Erneuerung eine mehr."),
        (
            "Geheimnis",
            "32 Byte. Die Datenbank hat nur deren SHA-256-Hash.",
        ),
        (
            "Prüfwert (MAC)",
            "Der Server prüft ihn, bevor er die Datenbank fragt.",
        ),
    ],
};

const ROW: RowWords = RowWords {
    signed_out: "Es gibt keine Sitzung, also gibt es keine Zeile.",
    other_token: "Der Server zeigt Nummer und Hash des Refresh-Tokens nur dem Besitzer des neuesten, und \
        dieser Tab hatte ein anderes, als er fragte.",
    generation: "Generation",
    hash: "Hash des Refresh-Tokens",
    hash_of_this: "Das ist der SHA-256 des Geheimnisses im Refresh-Token dieses Browsers. Von früheren Token \
        wird kein Hash aufbewahrt.",
    hash_of_another: "Er gehört zu einem anderen Refresh-Token als dem dieser Seite.",
    marks: "Kennzeichen der letzten Versuchsschlüssel",
    no_marks: "Noch keine.",
    marks_hint: "Die neuesten zuerst. Daran unterscheidet der Server eine wiederholte Anfrage von einem \
        Diebstahl.",
    ends: "Spätestes Ende",
    end_changed: "Es hat sich geändert, seit diese Seite geöffnet wurde.",
    end_is_same: |renewals| match renewals {
        0 => "Keine Erneuerung verschiebt dieses Datum.".to_owned(),
        1 => "Eine Erneuerung hier, und das Datum ist dasselbe.".to_owned(),
        times => format!("{times} Erneuerungen hier, und das Datum ist dasselbe."),
    },
    signed_in: "Anmeldung",
    renewed: "Letzte Erneuerung",
    renewed_hint: "Auf fünf Minuten gerundet, damit ein Dieb mit einem Zugriffstoken nicht sieht, wann Ihre \
        Token erneuert werden.",
    idle: "Endet ohne Benutzung nach",
    span,
};

fn span(count: i64, unit: SpanUnit) -> String {
    let (one, many) = match unit {
        SpanUnit::Days => ("Tag", "Tagen"),
        SpanUnit::Hours => ("Stunde", "Stunden"),
        SpanUnit::Minutes => ("Minute", "Minuten"),
        SpanUnit::Seconds => ("Sekunde", "Sekunden"),
    };
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}
