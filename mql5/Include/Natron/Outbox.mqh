// What happened to signals, told to the bridge until it confirms (K1). The oldest go when there are too many.
#include "SignalReader.mqh"

#define OUTBOX_MAX      256
#define OUTBOX_AGAIN_MS 5000

class COutbox
  {
private:
   string            m_bodies[OUTBOX_MAX];  // from the client's name on
   long              m_first;               // number of the oldest that is kept
   long              m_next;                // number of the next one
   long              m_sent;                // sent on this connection up to here
   int               m_connections;
   ulong             m_due;

public:
                     COutbox(void) { Reset(); }
   void              Reset(void)
     {
      m_first=1;
      m_next=1;
      m_sent=0;
      m_connections=0;
      m_due=0;
     }
   int               Waiting(void) const { return((int)(m_next-m_first)); }
   void              Add(const string fields)
     {
      if(m_next-m_first>=OUTBOX_MAX)
         m_first++;
      m_bodies[(int)(m_next%OUTBOX_MAX)]=fields;
      m_next++;
     }
   void              Confirmed(const long number)
     {
      if(number>=m_first && number<m_next)
         m_first=number+1;
     }
   void              Poll(CSignalReader &reader,const SNatronSettings &s,const string run)
     {
      ulong now=GetTickCount64();
      if(reader.RequestConnections()!=m_connections || (m_first<m_next && m_sent>=m_first && now>=m_due))
        {
         m_connections=reader.RequestConnections();
         m_sent=m_first-1;
        }
      if(m_sent<m_first-1)
         m_sent=m_first-1;
      while(m_sent+1<m_next)
        {
         string head="A1|"+s.client+"|"+s.symbol+"|"+run+"|"+IntegerToString(m_sent+1)+"|"+IntegerToString(reader.StampMs())+"|";
         if(!reader.Send(head+m_bodies[(int)((m_sent+1)%OUTBOX_MAX)]))
            return;
         m_sent++;
         m_due=now+OUTBOX_AGAIN_MS;
        }
     }
  };
