# What spoils the sound of a call.
sound-loss = Your network loses packets
    .why = Words go missing here, and yours go missing there.
    .hint = Move closer to the Wi-Fi or use a cable, and stop large downloads.

sound-bursts = Your network loses packets in bursts
    .why = Whole words go missing at once.
    .hint = Move closer to the Wi-Fi or use a cable, and stop large downloads.

sound-loss-theirs = Their network loses packets
    .why = Their voice comes with gaps, and yours arrives there well.
    .hint = Ask them to move closer to their Wi-Fi or to use a cable.

sound-loss-sent = What you say gets lost on the way
    .why = You hear them well, but your voice comes with gaps there.
    .hint = Stop large uploads, or use a cable instead of the Wi-Fi.

sound-uneven = Your network delivers the sound unevenly
    .why = Packets come in clumps, and some too late to be heard.
    .hint = Move closer to the Wi-Fi or use a cable, and stop large downloads.

sound-delayed = The sound takes long on its way
    .why = You and they hear each other late, and talk at the same time.
    .hint = Let the other one finish, or turn off a VPN that leads far away.

sound-poor-there = They hear you badly
    .why = Your sound arrives there, but too unevenly to be played well.
    .hint = Ask them to move closer to their Wi-Fi or to use a cable.
