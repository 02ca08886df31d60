//! `GET /api/v1/sessions/current/stored`.

use axum::body::Body;
use axum::http::{Method, Request, header};
use holdfast_protocol::attempt_key::{AttemptKey, AttemptMark};
use holdfast_protocol::hexadecimal::in_hexadecimal;
use holdfast_protocol::problem::Code;
use holdfast_protocol::refresh_token::UnverifiedRefreshToken;
use holdfast_protocol::wire::{
    EndReason, SessionRow, StoredLink, TOKEN_HASH_HEADER, Tokens, paths,
};

use crate::support::{Answer, TestApp, generation, new_key};

/// What the server answers to the access token of `tokens` with this header.
async fn asked_with(app: &TestApp, tokens: &Tokens, token_hash: &str) -> Answer {
    let bearer = format!("Bearer {}", tokens.access_token.expose());
    let request = Request::builder()
        .method(Method::GET)
        .uri(paths::SESSION_ROW)
        .header(header::AUTHORIZATION, bearer)
        .header(TOKEN_HASH_HEADER, token_hash)
        .body(Body::empty())
        .unwrap();
    app.send(request).await
}

/// The row, as the client of these tokens reads it.
async fn stored(app: &TestApp, tokens: &Tokens) -> (SessionRow, StoredLink) {
    let mut row: SessionRow = asked_with(app, tokens, &hash_of(tokens)).await.json();
    let link = row.link.take().expect("the caller holds the token");
    (row, link)
}

/// The hash that a browser computes from its own token.
pub fn hash_of(tokens: &Tokens) -> String {
    let token = UnverifiedRefreshToken::parse(tokens.refresh_token.expose()).unwrap();
    in_hexadecimal(&token.parts().secret_hash())
}

#[tokio::test]
async fn it_holds_the_hash_of_the_current_refresh_token_and_the_marks_of_the_attempt_keys() {
    let app = TestApp::start().await;
    let first = app.sign_up("ada").await;
    let (row_at_first, link) = stored(&app, &first).await;
    assert_eq!(row_at_first.session_id, first.session_id);
    assert_eq!(link.generation, 0);
    assert_eq!(link.token_hash, hash_of(&first));
    // The list in the row is filled up with marks that no key has.
    assert_eq!(link.attempt_marks, Vec::<String>::new());

    let keys = [new_key(), new_key()];
    let mut tokens = first.clone();
    for key in &keys {
        tokens = app.refresh(&tokens, key).await.tokens(200);
    }
    let (row, after) = stored(&app, &tokens).await;
    assert_eq!(after.generation, generation(&tokens));
    assert_eq!(after.token_hash, hash_of(&tokens));
    assert_ne!(after.token_hash, link.token_hash);
    let marks = keys.iter().rev().map(|key| AttemptMark::of(Some(key)));
    let marks: Vec<_> = marks.map(|mark| in_hexadecimal(mark.as_bytes())).collect();
    assert_eq!(after.attempt_marks, marks);
    // The dates are those of the sign-in.
    assert_eq!(
        (row.created_at, row.expires_at, row.idle_seconds),
        (
            row_at_first.created_at,
            row_at_first.expires_at,
            row_at_first.idle_seconds
        )
    );
    assert_eq!(row.expires_at - row.created_at, 90 * 24 * 60 * 60);
    assert_eq!(row.last_used_at % 300, 0);
}

#[tokio::test]
async fn an_access_token_alone_does_not_show_that_the_session_was_renewed() {
    let app = TestApp::start().await;
    let first = app.sign_up("ada").await;
    let copied = || async {
        let hashes = [
            String::new(),
            "00".repeat(32),
            // The thief guesses the generation, or has the token before.
            "1".to_owned(),
        ];
        let mut answers = Vec::new();
        for hash in hashes {
            let row: SessionRow = asked_with(&app, &first, &hash).await.json();
            answers.push(SessionRow {
                last_used_at: 0,
                ..row
            });
        }
        let without_header: SessionRow = app.get_as(&first, paths::SESSION_ROW).await.json();
        answers.push(SessionRow {
            last_used_at: 0,
            ..without_header
        });
        answers
    };
    let before = copied().await;
    assert!(before.iter().all(|row| row.link.is_none()), "{before:?}");
    let tokens = app.renew(&first).await;
    assert_eq!(copied().await, before);

    // The hash of a spent token shows nothing either.
    let row: SessionRow = asked_with(&app, &tokens, &hash_of(&first)).await.json();
    assert_eq!(row.link, None);
    let row: SessionRow = asked_with(&app, &tokens, &hash_of(&tokens)).await.json();
    assert!(row.link.is_some());
}

#[tokio::test]
async fn it_is_about_the_callers_own_session_and_has_no_token() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    for tokens in [&here, &elsewhere] {
        let answer = asked_with(&app, tokens, &hash_of(tokens)).await;
        let text = answer.text();
        assert!(!text.contains("hfr_") && !text.contains("eyJ"), "{text}");
        let (row, link) = stored(&app, tokens).await;
        assert_eq!(row.session_id, tokens.session_id);
        assert_eq!(link.token_hash, hash_of(tokens));
    }
    // Neither a parameter nor the hash of another session's token names another session.
    let path = format!("{}?session_id={}", paths::SESSION_ROW, elsewhere.session_id);
    let row: SessionRow = app.get_as(&here, &path).await.json();
    assert_eq!((row.session_id, row.link), (here.session_id, None));
    let row: SessionRow = asked_with(&app, &here, &hash_of(&elsewhere)).await.json();
    assert_eq!((row.session_id, row.link), (here.session_id, None));
}

#[tokio::test]
async fn a_mark_is_not_accepted_in_place_of_its_key() {
    let app = TestApp::start().await;
    let first = app.sign_up("ada").await;
    let key = new_key();
    let tokens = app.refresh(&first, &key).await.tokens(200);
    let (_, link) = stored(&app, &tokens).await;
    // The mark of a key is no key: the server takes this for another request, and answers no tokens.
    let mark = AttemptKey::parse(link.attempt_marks[0].as_bytes());
    app.refresh(&first, &mark.unwrap())
        .await
        .is(Code::RefreshConflict);
    // The key itself gets the same successor.
    let repeated = app.refresh(&first, &key).await.tokens(200);
    assert_eq!(repeated.refresh_token, tokens.refresh_token);
    assert!(app.accepts(&tokens).await);
}

#[tokio::test]
async fn a_session_that_is_gone_has_ended() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    // The second instance has not learnt of the ending, and reads the reason from the table.
    let other = app.second_instance(&[1]);
    app.log_out(&tokens).await;
    for instance in [&app, &other] {
        let answer = instance.get_as(&tokens, paths::SESSION_ROW).await;
        answer.is(Code::SessionEnded);
        assert_eq!(answer.problem().reason, Some(EndReason::Logout));
    }
}
