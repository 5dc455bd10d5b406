# 输入框、列表、标签页。
field-label = 姓名、号码或地址
field-call = 呼叫
field-recall = 取回上一个：{ $who }
tab-calls = 通话
tab-keypad = 拨号盘
tabs = 页面
missed-count = { $count } 个未接来电
calls-list = 通话记录
today = 今天
yesterday = 昨天
found-history = 通话记录
found-typed = 按输入呼叫
found-list = 匹配结果
found-from = 使用账户 { $account }
no-calls = 还没有通话
no-calls-hint = 输入姓名、号码或地址，然后按回车。
call-back = 回拨
copy-number = 复制号码
recorded = 录音文件：{ $file }
# n: which of several; 0 where there is only one.
copy-recording = { $n ->
    [0] 复制录音文件的路径
   *[other] 复制第 { $n } 个录音文件的路径
}

outcome-missed = { $count ->
    [1] 未接
   *[other] 未接，{ $count } 次
}
outcome-answered = 已接听，{ $length }
outcome-spoke = { $length }
sound-was = { $grade ->
    [clear] 声音清晰。
    [fair] 声音有时不均匀。
   *[other] 声音很差。
}
sound-poor-for = 声音有 { $length }很差。
sound-figures = 评分 { $mos }（最高 4.5），丢包 { $loss }%，抖动 { $jitter } 毫秒{ $rtt ->
    [none] {""}
   *[other] ，往返 { $rtt } 毫秒
}。
outcome-ended = { $is ->
    [busy] 对方忙
    [declined] 已拒接
    [no-answer] 无人接听
    [cancelled] 已取消
    [answered-elsewhere] 已在其他电话上接听
    [unreachable] 无法接通
    [not-found] 号码不存在
    [moved] 转到其他号码
    [not-allowed] 不被允许
    [no-common-codec] 没有共同的编码
    [media-failed] 无法建立声音
    [network] 网络故障
    [server-error] 服务器故障
    [hung-up-here] 已结束
    [hung-up-there] 对方已挂断
   *[other] 未接通
}
length-seconds = { $n } 秒
length-minutes = { $n } 分钟
length-hours = { $hours } 小时 { $minutes } 分钟

welcome-title = 拨打第一个电话
welcome-words = 练习线路就在 Bellbird 里面。说句话，听听别人会听到什么。
welcome-echo = 呼叫回音 · 600
welcome-ring = 五秒后让这里响铃 · 603
welcome-add = 添加账户

pad = 拨号盘
pad-star = 星号
pad-hash = 井号
