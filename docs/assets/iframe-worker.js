/* Search in pages opened as files: a browser starts no worker there, so a hidden frame of the page plays one. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.onmessage = null
      this.waiting = []
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.documentElement.append(frame)
      this.inside = frame.contentWindow
      this.inside.postMessage = data => {
        const said = new MessageEvent("message", { data })
        this.dispatchEvent(said)
        if (this.onmessage) this.onmessage(said)
      }
      const script = this.inside.document.createElement("script")
      script.src = new URL(url, location.href).href
      script.onload = () => {
        this.isReady = true
        this.waiting.splice(0).forEach(data => this.tell(data))
      }
      this.inside.document.documentElement.append(script)
    }
    tell(data) {
      this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data }))
    }
    postMessage(data) {
      this.isReady ? this.tell(data) : this.waiting.push(data)
    }
    terminate() {
      this.inside.frameElement.remove()
    }
  }
}
