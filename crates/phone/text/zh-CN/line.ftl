# 线路：通往服务器的路，以及我们在那里的身份。
host-unknown = 找不到服务器
    .why = 没有域名服务器知道 { $host }。
    .hint = 请检查服务器名称和您的网络。

connect-refused = 服务器拒绝了连接
    .why = 无法通过此端口连接 { $host }。
    .hint = 请检查端口，或稍后再试。

connect-timeout = 服务器没有回应
    .why = { $host } 没有及时回应。
    .hint = 请检查您的网络，或稍后再试。

tls-failed = 无法加密连接
    .why = { $host } 与本电话没有共同的加密方式。
    .hint = 请联系服务器管理员。

certificate-untrusted = 证书未知
    .why = { $host } 出示的证书，没有本机认识的机构为其担保。
    .hint = 请先查看证书，再决定是否信任。

certificate-expired = 证书现在无效
    .why = { $host } 的证书已过期或尚未生效。
    .hint = 请检查本机的时钟，或联系服务器管理员。

certificate-wrong-name = 证书属于另一个名称
    .why = 该证书不是颁发给 { $host } 的。
    .hint = 请检查服务器名称，可能有人在冒充它。

certificate-changed = 证书已更换
    .why = { $host } 出示的证书与您信任的不同。
    .hint = 请先向管理员确认证书是否已更新，再决定是否信任。

websocket-refused = 服务器拒绝了通话连接
    .why = { $host } 有回应，但不在这里开放 WebSocket。
    .hint = 请检查服务器地址中的路径。

handshake-password = 服务器在通话之前要求用户名和密码
    .why = { $host } 在建立连接时就要求它们，它们不是账户的密码。
    .hint = 请询问管理员，并在账户的“连接”中输入。

proxy-password = 代理要求用户名和密码
    .why = 此账户的连接经过代理，没有它们代理不放行。
    .hint = 请在账户的“连接”中输入。

proxy-failed = 代理没有通到服务器
    .why = 此账户的连接经过代理，而代理没有放行这次连接。
    .hint = 请在账户的“连接”中检查代理。

subprotocol-missing = 服务器在这里不提供 SIP
    .why = { $host } 开放了 WebSocket，但不是用于通话的。
    .hint = 请检查服务器地址中的端口和路径。

wrong-password = 服务器拒绝了密码
    .why = { $host } 不接受 { $user } 的密码。
    .hint = 在密码正确之前，无法接到来电。

unknown-user = 服务器不认识此用户
    .why = { $host } 上没有 { $user }。
    .hint = 请检查账户的地址。

forbidden = 服务器不允许此账户
    .why = { $host } 认识 { $user }，但不让它注册。
    .hint = 请联系服务器管理员。

server-unavailable = 服务器暂时无法提供通话
    .why = { $host } 表示它无法提供服务。
    .hint = 请稍后再试。

connection-lost = 连接已断开
    .why = { $scope ->
        [call] 无法再连接到服务器。
       *[line] 与 { $host } 的连接中断了。
    }
    .hint = { $scope ->
        [call] 请在线路就绪后再次呼叫。
       *[line] 连接会自动恢复。
    }

bad-sip = 服务器的回应无法理解
    .why = { $host } 发来的内容不符合 SIP 规范。
    .hint = 请联系服务器管理员。

password-needed = 需要密码
    .why = { $user } 的密码没有保存在本机。
    .hint = 请输入密码以上线。

password-anew = 需要再次输入密码
    .why = 密码是为另一台服务器保存的，未经您同意不会交给 { $host }。
    .hint = 如果这台服务器正确，请再输入一次密码。

digest-weaker = 服务器要求的密码证明变弱了
    .why = { $host } 以前要求更强的证明。可能有人在冒充它。
    .hint = 请询问管理员。再次输入密码即表示接受较弱的证明。

realm-changed = 服务器以另一个名称索取密码
    .why = { $host } 以前接受密码时用的名称与现在不同。可能有人在冒充它。
    .hint = 请询问管理员。再次输入密码即表示接受新名称。

server-unproven = 服务器未能证明它知道密码
    .why = { $host } 给出的证明是错误的。可能有人在冒充它。
    .hint = 请询问服务器管理员。

no-keychain = 没有密钥环
    .why = 密码无法保存在本机。
    .hint = Bellbird 每次启动时都会询问密码。

keychain-locked = 密钥环已锁定
    .why = 密码在密钥环中，无法读取。
    .hint = 请解锁密钥环，或仅为本次运行输入密码。

keychain-failed = 密钥环出错
    .why = 无法读取或保存密码。
    .hint = 请为本次运行输入密码。
