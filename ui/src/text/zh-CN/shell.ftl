# Words of the tray and of notifications, read by the desktop shell.
tray-ready = Bellbird：已就绪
tray-working = Bellbird：正在连接
tray-unreachable = Bellbird：无法接通
tray-in-call = Bellbird：通话中
tray-missed = Bellbird：{ $count } 个未接来电
tray-dnd = Bellbird：请勿打扰
menu-show = 显示 Bellbird
menu-quit = 退出 Bellbird
incoming-title = 来电
incoming-body = { $who }，账户 { $account }
missed-title = 未接来电
missed-body = { $who } 来过电话
answer = 接听
decline = 拒接
no-display = 没有可用的显示器，无法打开窗口。请用 bellbird-cli 在终端中打电话。
already-running = 此用户已在运行 Bellbird。请先关闭另一个，或使用它的窗口。
cannot-start = Bellbird 无法启动：{ $reason }
