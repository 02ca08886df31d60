//! The parts of pages, one component in each file. They only know Leptos: no session, no
//! network, no storage.

mod button;
mod card;
mod check_field;
mod confirm_dialog;
mod date_time;
mod fact;
mod form_error;
mod hydrated;
mod illustration;
mod load_error;
mod mark;
mod page_heading;
mod reload_notice;
mod show_password;
mod site_footer;
mod site_header;
mod site_notice;
mod skeleton;
mod skip_link;
mod status_bar;
mod text_field;

pub use button::{Button, Kind, SubmitButton};
pub use card::Card;
pub use check_field::CheckField;
pub use confirm_dialog::ConfirmDialog;
pub use date_time::DateTime;
pub use fact::Fact;
pub use form_error::FormError;
pub use hydrated::Hydrated;
pub use illustration::Illustration;
pub use load_error::LoadError;
pub use mark::Mark;
pub use page_heading::PageHeading;
pub use reload_notice::ReloadNotice;
pub use show_password::ShowPassword;
pub use site_footer::SiteFooter;
pub use site_header::SiteHeader;
pub use site_notice::SiteNotice;
pub use skeleton::Skeleton;
pub use skip_link::SkipLink;
pub use status_bar::StatusBar;
pub use text_field::TextField;
