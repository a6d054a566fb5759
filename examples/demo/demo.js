const $ = id => document.getElementById(id)
const api = '/api/v1/auth/sessions'

async function call (path, { method = 'GET', body } = {}) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
  const answer = await response.json()
  if (!response.ok) throw Object.assign(new Error(answer.message), answer)
  return answer
}

async function act (action) {
  $('status').textContent = ''
  try {
    await action()
  } catch (error) {
    $('status').textContent = error.message
  }
  await show()
}

async function show () {
  const me = await call('/me').catch(() => null)
  $('login').hidden = me !== null
  $('account').hidden = me === null
  // the drop-in: one element is the whole list
  $('devices').replaceChildren(...me === null ? [] : [document.createElement('session-devices')])
  if (me === null) return
  $('user').textContent = me.userId
  $('console').hidden = me.userId !== 'ada'
}

$('login').addEventListener('submit', event => {
  event.preventDefault()
  const form = new FormData(event.target)
  act(async () => {
    await call('/login', {
      method: 'POST',
      body: { name: form.get('name'), password: form.get('password'), remember: form.has('remember') }
    })
    const next = new URLSearchParams(window.location.search).get('next')
    // only a path of this site
    if (next !== null && /^\/(?!\/|\\)/.test(next)) window.location.assign(next)
  })
})
$('logout').addEventListener('click', () => act(() => call(`${api}/logout`, { method: 'POST', body: {} })))
window.addEventListener('session-ended', show)
await show()
