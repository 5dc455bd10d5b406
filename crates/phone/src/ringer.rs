//! What the phone itself sounds like, by its calls: one pure function, and the ringer obeys it.

use media::tone::Tone;

use crate::{
    contract::{CauseKind, Direction, Phase},
    voice::Sounds,
};

/// What the ringer has to know of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard<'a> {
    pub(crate) phase: &'a Phase,
    pub(crate) direction: Direction,
    pub(crate) silenced: bool,
    pub(crate) active: bool,
}

/// The sounds for these calls.
pub(crate) fn sounds<'a>(calls: impl Iterator<Item = Heard<'a>> + Clone) -> Sounds {
    let rings = calls.clone().any(|call| matches!(call.phase, Phase::Incoming { .. }) && !call.silenced);
    let talks = calls.clone().any(|call| {
        matches!(call.phase, Phase::Connecting {} | Phase::Connected {} | Phase::Reconnecting { .. })
            || (call.direction == Direction::Out
                && matches!(call.phase, Phase::Dialing {} | Phase::Ringing {} | Phase::EarlyMedia {}))
    });
    let rings_there = calls.clone().any(|call| call.active && matches!(call.phase, Phase::Ringing {}));
    let ended = calls.filter(|call| call.direction == Direction::Out).find_map(|call| match call.phase {
        Phase::Ended { cause } => failed(cause.is),
        _ => None,
    });
    let ear = if rings && talks {
        Some(Tone::CallWaiting)
    } else if rings_there {
        Some(Tone::Ringback)
    } else if talks || rings {
        None
    } else {
        ended
    };
    // Who is talking hears that another one calls; who is not is called by the ringer.
    Sounds { ringer: (rings && !talks).then_some(Tone::Ring), ear }
}

/// ITU-T E.180: busy where the party is, congestion where the network has no way.
fn failed(cause: CauseKind) -> Option<Tone> {
    match cause {
        CauseKind::Busy | CauseKind::Declined => Some(Tone::Busy),
        CauseKind::Unreachable
        | CauseKind::NotFound
        | CauseKind::Moved
        | CauseKind::NotAllowed
        | CauseKind::NoCommonCodec
        | CauseKind::MediaFailed
        | CauseKind::Network
        | CauseKind::ServerError => Some(Tone::Congestion),
        CauseKind::HungUpHere
        | CauseKind::HungUpThere
        | CauseKind::NoAnswer
        | CauseKind::Cancelled
        | CauseKind::AnsweredElsewhere => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Cause;

    fn call(phase: &Phase, direction: Direction, active: bool) -> Heard<'_> {
        Heard { phase, direction, silenced: false, active }
    }

    fn of(calls: &[Heard<'_>]) -> Sounds {
        sounds(calls.iter().copied())
    }

    #[test]
    fn an_incoming_call_rings_unless_it_is_silenced() {
        let phase = Phase::Incoming { may_auto_answer_at: None };
        let call = call(&phase, Direction::In, false);
        assert_eq!(of(&[call]), Sounds { ringer: Some(Tone::Ring), ear: None });
        assert_eq!(of(&[Heard { silenced: true, ..call }]), Sounds::default());
    }

    #[test]
    fn a_second_call_knocks_in_the_ear() {
        let (incoming, up) = (Phase::Incoming { may_auto_answer_at: None }, Phase::Connected {});
        let calls = [call(&up, Direction::Out, true), call(&incoming, Direction::In, false)];
        assert_eq!(of(&calls), Sounds { ringer: None, ear: Some(Tone::CallWaiting) });
    }

    #[test]
    fn the_far_end_rings_in_the_ear_until_it_sends_sound_itself() {
        let phase = Phase::Ringing {};
        assert_eq!(of(&[call(&phase, Direction::Out, true)]).ear, Some(Tone::Ringback));
        let phase = Phase::EarlyMedia {};
        assert_eq!(of(&[call(&phase, Direction::Out, true)]), Sounds::default());
    }

    #[test]
    fn a_call_that_failed_is_heard_to() {
        let ended = |is| Phase::Ended { cause: Cause { is, error: None, elsewhere: None } };
        for (is, tone) in [
            (CauseKind::Busy, Some(Tone::Busy)),
            (CauseKind::NotFound, Some(Tone::Congestion)),
            (CauseKind::HungUpThere, None),
        ] {
            let phase = ended(is);
            assert_eq!(of(&[call(&phase, Direction::Out, false)]).ear, tone);
            assert_eq!(of(&[call(&phase, Direction::In, false)]).ear, None);
        }
    }
}
