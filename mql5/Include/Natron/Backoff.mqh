// When to try again: twice as long after each failure, up to a bound, and never in step with others.
class CBackoff
  {
private:
   int               m_first_ms;
   int               m_most_ms;
   int               m_failures;
   ulong             m_due;

public:
                     CBackoff(void) { m_first_ms=250; m_most_ms=15000; m_failures=0; m_due=0; }
   bool              Due(const ulong now) const { return(now>=m_due); }
   int               Failures(void) const { return(m_failures); }
   void              Succeeded(void) { m_failures=0; }
   void              Failed(const ulong now)
     {
      int wait=m_first_ms;
      for(int i=0; i<m_failures && wait<m_most_ms; i++)
         wait*=2;
      if(wait>m_most_ms)
         wait=m_most_ms;
      m_failures++;
      m_due=now+(ulong)(wait/2+MathRand()%(wait/2+1));
     }
  };
