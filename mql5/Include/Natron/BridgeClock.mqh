// The bridge's clock in ms, learned from the stamps of its lines and this computer's tick count. A line that was
// delayed makes the clock look slow, none makes it look fast: so the fastest of the last one to two minutes counts.
#define CLOCK_WINDOW_MS 60000

class CBridgeClock
  {
private:
   bool              m_known;
   long              m_fastest;   // stamp minus tick
   long              m_before;    // the same, of the window before
   long              m_window;

public:
                     CBridgeClock(void) { Reset(); }
   void              Reset(void)
     {
      m_known=false;
      m_fastest=0;
      m_before=0;
      m_window=0;
     }
   bool              Known(void) const { return(m_known); }
   void              Learn(const long sent_ms,const ulong tick)
     {
      long offset=sent_ms-(long)tick;
      if(!m_known || (long)tick-m_window>CLOCK_WINDOW_MS)
        {
         m_before=m_known ? m_fastest : offset;
         m_fastest=offset;
         m_window=(long)tick;
         m_known=true;
        }
      if(offset>m_fastest)
         m_fastest=offset;
     }
   long              NowMs(const ulong tick) const { return((long)tick+(m_before>m_fastest ? m_before : m_fastest)); }
  };
