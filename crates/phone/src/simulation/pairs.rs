//! Which two ends of one call fit together: what the one side says is what the other side did, or what lay between them
//! explains why the two do not know the same.

use super::{phone::End, world::World};
use crate::contract::CauseKind::{
    self, AnsweredElsewhere, Busy, Cancelled, Declined, HungUpHere, HungUpThere, MediaFailed, Network, NoAnswer,
    NotFound, ServerError, Unreachable,
};

/// What one side says of one call: a cause, and whether the call had been answered there.
type Says = Option<(CauseKind, bool)>;

/// What has to have happened for a pair to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum If {
    /// Nothing: people and their timing are enough.
    Always,
    /// Somebody else was asked too.
    Strangers,
    /// The server answered by itself.
    Refused,
    /// A message or a connection was lost.
    Lost,
    /// The same, and somebody else was asked too.
    LostAmongStrangers,
    /// The way of the sound was bad for long, or the far end has none.
    NoSound,
}

const UP: bool = true;
const NOT_UP: bool = false;

/// The caller, the callee, and when this fits. What stands here is all that may be.
const FIT: &[(Says, Says, If)] = &[
    // Answered here and there: one of them hung up, or both at the same moment.
    (Some((HungUpHere, UP)), Some((HungUpThere, UP)), If::Always),
    (Some((HungUpThere, UP)), Some((HungUpHere, UP)), If::Always),
    (Some((HungUpHere, UP)), Some((HungUpHere, UP)), If::Always),
    // The caller gave up: in time, before it rang at all, or across the answer, whose dialog gets a BYE (RFC 3261 15).
    (Some((Cancelled, NOT_UP)), Some((Cancelled, NOT_UP)), If::Always),
    (Some((Cancelled, NOT_UP)), None, If::Always),
    (Some((Cancelled, NOT_UP)), Some((HungUpThere, UP)), If::Always),
    (Some((Cancelled, NOT_UP)), Some((HungUpHere, UP)), If::Always),
    (Some((Cancelled, NOT_UP)), Some((Declined, NOT_UP)), If::Always),
    (Some((Cancelled, NOT_UP)), Some((AnsweredElsewhere, NOT_UP)), If::Strangers),
    // The callee did not want it.
    (Some((Declined, NOT_UP)), Some((Declined, NOT_UP)), If::Always),
    (Some((Declined, NOT_UP)), Some((Cancelled, NOT_UP)), If::Strangers),
    (Some((Declined, NOT_UP)), Some((HungUpThere, UP)), If::Strangers),
    (Some((Declined, NOT_UP)), None, If::Strangers),
    // It rang until the server gave up; an answer that crosses this is acknowledged and hung up.
    (Some((NoAnswer, NOT_UP)), Some((Cancelled, NOT_UP)), If::Always),
    (Some((NoAnswer, NOT_UP)), Some((HungUpThere, UP)), If::Always),
    (Some((NoAnswer, NOT_UP)), Some((HungUpHere, UP)), If::Always),
    (Some((NoAnswer, NOT_UP)), Some((Declined, NOT_UP)), If::Always),
    (Some((NoAnswer, NOT_UP)), None, If::Strangers),
    // Somebody else took it, and then ended it or had no sound.
    (Some((HungUpHere, UP)), Some((AnsweredElsewhere, NOT_UP)), If::Strangers),
    (Some((HungUpThere, UP)), Some((AnsweredElsewhere, NOT_UP)), If::Strangers),
    (Some((MediaFailed, UP)), Some((AnsweredElsewhere, NOT_UP)), If::Strangers),
    (Some((HungUpHere, UP)), Some((HungUpThere, UP)), If::Strangers),
    (Some((HungUpHere, UP)), Some((Declined, NOT_UP)), If::Strangers),
    (Some((HungUpThere, UP)), Some((Declined, NOT_UP)), If::Strangers),
    (Some((MediaFailed, UP)), Some((Declined, NOT_UP)), If::Strangers),
    (Some((HungUpThere, UP)), Some((HungUpThere, UP)), If::Strangers),
    (Some((MediaFailed, UP)), Some((HungUpThere, UP)), If::Strangers),
    (Some((MediaFailed, UP)), Some((HungUpHere, UP)), If::Strangers),
    (Some((HungUpHere, UP)), Some((Cancelled, NOT_UP)), If::Strangers),
    (Some((HungUpThere, UP)), Some((Cancelled, NOT_UP)), If::Strangers),
    (Some((MediaFailed, UP)), Some((Cancelled, NOT_UP)), If::Strangers),
    (Some((HungUpHere, UP)), None, If::Strangers),
    (Some((HungUpThere, UP)), None, If::Strangers),
    (Some((MediaFailed, UP)), None, If::Strangers),
    // Somebody else refused it better, or was busy while the rest was cancelled.
    (Some((Busy, NOT_UP)), Some((Cancelled, NOT_UP)), If::Strangers),
    (Some((Busy, NOT_UP)), None, If::Strangers),
    (Some((Unreachable, NOT_UP)), None, If::Strangers),
    (Some((Unreachable, NOT_UP)), Some((Cancelled, NOT_UP)), If::Strangers),
    // The server refused it.
    (Some((NoAnswer, NOT_UP)), None, If::Refused),
    (Some((NotFound, NOT_UP)), None, If::Refused),
    (Some((ServerError, NOT_UP)), None, If::Refused),
    (Some((Unreachable, NOT_UP)), None, If::Refused),
    // The sound did not come through for a minute: whoever loses patience first says so.
    (Some((MediaFailed, UP)), Some((HungUpThere, UP)), If::NoSound),
    (Some((HungUpThere, UP)), Some((MediaFailed, UP)), If::NoSound),
    (Some((MediaFailed, UP)), Some((MediaFailed, UP)), If::NoSound),
    (Some((MediaFailed, UP)), Some((HungUpHere, UP)), If::NoSound),
    (Some((HungUpHere, UP)), Some((MediaFailed, UP)), If::NoSound),
    // A connection or a message was lost, and one side or both found out by themselves.
    (Some((Network, NOT_UP)), None, If::Lost),
    (Some((Network, NOT_UP)), Some((Cancelled, NOT_UP)), If::Lost),
    (Some((Network, NOT_UP)), Some((Declined, NOT_UP)), If::Lost),
    (Some((Network, NOT_UP)), Some((AnsweredElsewhere, NOT_UP)), If::Lost),
    (Some((Network, NOT_UP)), Some((HungUpHere, UP)), If::Lost),
    (Some((Network, NOT_UP)), Some((HungUpThere, UP)), If::Lost),
    (Some((Network, NOT_UP)), Some((Network, UP)), If::Lost),
    (Some((Network, UP)), None, If::Lost),
    (Some((Network, UP)), Some((Cancelled, NOT_UP)), If::Lost),
    (Some((Network, UP)), Some((Declined, NOT_UP)), If::Lost),
    (Some((Network, UP)), Some((AnsweredElsewhere, NOT_UP)), If::Lost),
    (Some((Network, UP)), Some((HungUpHere, UP)), If::Lost),
    (Some((Network, UP)), Some((HungUpThere, UP)), If::Lost),
    (Some((Network, UP)), Some((Network, UP)), If::Lost),
    (Some((Network, UP)), Some((MediaFailed, UP)), If::Lost),
    (Some((HungUpHere, UP)), Some((Network, UP)), If::Lost),
    (Some((HungUpThere, UP)), Some((Network, UP)), If::Lost),
    (Some((MediaFailed, UP)), Some((Network, UP)), If::Lost),
    // The connection of who hung up was dead, and the other one heard nothing any more.
    (Some((MediaFailed, UP)), Some((HungUpHere, UP)), If::Lost),
    (Some((HungUpHere, UP)), Some((MediaFailed, UP)), If::Lost),
    (Some((HungUpHere, UP)), None, If::Lost),
    (Some((HungUpThere, UP)), None, If::Lost),
    // The same for who gave up across the answer: the BYE was lost, and no sound ever came.
    (Some((Cancelled, NOT_UP)), Some((MediaFailed, UP)), If::Lost),
    // The callee's answer came when the call with somebody else was over, and the BYE that it got was lost.
    (Some((HungUpThere, UP)), Some((MediaFailed, UP)), If::LostAmongStrangers),
    // The callee's answer or refusal never came, or came after the server had given up.
    (Some((Cancelled, NOT_UP)), Some((Network, UP)), If::Lost),
    (Some((NoAnswer, NOT_UP)), Some((Network, UP)), If::Lost),
    (Some((NoAnswer, NOT_UP)), None, If::Lost),
    (Some((Declined, NOT_UP)), Some((Network, UP)), If::Lost),
    (Some((Declined, NOT_UP)), Some((HungUpHere, UP)), If::Lost),
    (Some((Busy, NOT_UP)), Some((Network, UP)), If::Lost),
    (Some((Busy, NOT_UP)), Some((HungUpHere, UP)), If::Lost),
    (Some((Busy, NOT_UP)), Some((Declined, NOT_UP)), If::Lost),
    // The callee's connection went while it rang: the server says that nobody is there, the callee may still act.
    (Some((Unreachable, NOT_UP)), None, If::Lost),
    (Some((Unreachable, NOT_UP)), Some((Cancelled, NOT_UP)), If::Lost),
    (Some((Unreachable, NOT_UP)), Some((Declined, NOT_UP)), If::Lost),
    (Some((Unreachable, NOT_UP)), Some((HungUpHere, UP)), If::Lost),
    (Some((Unreachable, NOT_UP)), Some((HungUpThere, UP)), If::Lost),
    (Some((Unreachable, NOT_UP)), Some((Network, UP)), If::Lost),
];

pub(super) fn name(pair: &(Option<End>, Option<End>)) -> String {
    let one = |end: &Option<End>| match end {
        None => "knows of none".to_owned(),
        Some(end) => format!(
            "{:?}{}{}",
            end.kind,
            end.error.map(|error| format!(" ({error})")).unwrap_or_default(),
            if end.answered { ", answered" } else { "" }
        ),
    };
    format!("caller: {} | callee: {}", one(&pair.0), one(&pair.1))
}

/// Do the two fit? The first is the caller's.
///
/// # Errors
/// Why not.
pub(super) fn fits(world: &World, pair: &(Option<End>, Option<End>)) -> Result<(), String> {
    // Two phones of ours understand each other's descriptions.
    let strange = |end: &End| matches!(end.error, Some("bad-sdp" | "media-insecure" | "no-common-codec" | "internal"));
    if pair.0.iter().chain(&pair.1).any(strange) {
        return Err("they do not understand each other".to_owned());
    }
    let says = |end: &Option<End>| end.map(|end| (end.kind, end.answered));
    let (caller, callee) = (says(&pair.0), says(&pair.1));
    let holds = |needed: If| match needed {
        If::Always => true,
        If::Strangers => !world.plan.strangers.is_empty(),
        If::Refused => world.plan.refuses.is_some(),
        If::NoSound => !world.plan.has_clean_media(),
        If::Lost => world.lost > 0,
        If::LostAmongStrangers => world.lost > 0 && !world.plan.strangers.is_empty(),
    };
    if FIT.iter().any(|(one, other, needed)| (*one, *other) == (caller, callee) && holds(*needed)) {
        return Ok(());
    }
    Err("these two do not fit together".to_owned())
}
